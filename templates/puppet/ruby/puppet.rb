# frozen_string_literal: true

# What the server's Ruby finds when it asks for Puppet, because this folder is first on its path: there is no
# other way to have something read before Puppet in there (RUBYOPT is not looked at).
require '/usr/lib/slipway/autoload.rb'

$LOAD_PATH.delete(__dir__)
require 'puppet'
