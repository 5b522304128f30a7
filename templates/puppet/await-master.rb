# frozen_string_literal: true

# Loaded into an agent that is begun while its master starts (ruby -r; converge-once --ahead): its first
# connection to the master waits until that answers, by the counter that master-wait reads. What comes before
# it is then done: Puppet's code is read and, when plugin-copy has just copied every plugin from the folders
# beside it (SLIPWAY_PLUGINS=copied), so that they need not be compared with the master's first, the facts are
# gathered.
#
# Puppet's own waiting (waitforcert, splay, a run that is tried again) sleeps for whole seconds or begins anew.
require 'net/http'

module Slipway
  # In the way of a connection.
  module AwaitMaster
    PORT = 8140
    COUNTER = '/run/puppetserver/restart'

    def self.up?
      File.read(COUNTER).to_i.positive?
    rescue SystemCallError
      false # it is not there before the unit is
    end

    def self.wait
      sleep(0.2) until up?
      # from here on all waits for this run; what it starts inherits this thread's priority
      Process.setpriority(Process::PRIO_PROCESS, 0, 0)
    rescue Errno::EACCES
      nil # root of a container may not, and is slower for it
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
  # Puppet's setting pluginsync would be the way, but nothing reads it (7.23)
  Puppet::Configurer.singleton_class.prepend(Module.new { def should_pluginsync? = false })
end
