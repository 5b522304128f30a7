# frozen_string_literal: true

# The server's Ruby finds this file when it asks for Puppet, because this folder is first on its path: there is
# no other way to have something read before Puppet in the server (it ignores RUBYOPT).
require '/usr/lib/slipway/autoload.rb'

$LOAD_PATH.delete(__dir__)
require 'puppet'
