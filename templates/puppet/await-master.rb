# frozen_string_literal: true

# Loaded into an agent that begins while its master starts (ruby -r; converge-once --ahead): its first
# connection to the master waits until the master answers, by the counter that master-wait reads. By then, the
# work before the connection is done: Puppet's code is read, and the facts are gathered if plugin-copy has just
# copied every plugin from the folders beside it (SLIPWAY_PLUGINS=copied), so that the plugins need not be
# compared with the master's first.
#
# Puppet's own waiting (waitforcert, splay, trying a run again) sleeps for whole seconds or starts over.
require 'net/http'

module Slipway
  # Holds up a connection.
  module AwaitMaster
    PORT = 8140
    COUNTER = '/run/puppetserver/restart'

    def self.up?
      File.read(COUNTER).to_i.positive?
    rescue SystemCallError
      false # it does not exist before the unit runs
    end

    def self.wait
      sleep(0.2) until up?
      # from here on everything waits for this run; what it starts inherits this thread's priority
      Process.setpriority(Process::PRIO_PROCESS, 0, 0)
    rescue Errno::EACCES
      nil # root in a container is not allowed to, and is slower for it
    end

    private

    def connect
      AwaitMaster.wait if port == PORT
      super
    end
  end
end

Net::HTTP.prepend(Slipway::AwaitMaster)

if ENV.delete('SLIPWAY_PLUGINS') == 'copied'
  require 'puppet'
  require 'puppet/configurer'
  # Puppet's setting pluginsync would be the right way, but nothing reads it (7.23)
  Puppet::Configurer.singleton_class.prepend(Module.new { def should_pluginsync? = false })
end
