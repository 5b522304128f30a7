# frozen_string_literal: true

# Loaded before Puppet, in the agent (ruby -r) and in the server (ruby/puppet.rb): it saves a third of an agent's
# run, an eighth of the server's start and a fifth of its first catalog.
#
# Puppet announces each type, provider and function in $LOADED_FEATURES and then reads it with Kernel.load.
# Such an entry from outside makes Ruby's index of that list stale, and the next require builds it again,
# with the real path of every file so far (Ruby 3.1, bug 19246): 730,000 readlink(2) a run. A file that
# require reads gets into list and index at once, so announced files are read by require, and all others as
# before. No part of Puppet is replaced: a Puppet that announces nothing is not affected.
class << $LOADED_FEATURES
  def <<(file)
    super(announced) if announced
    Thread.current[:slipway_announced] = file
    self
  end

  # The file that was announced and not read yet, or nil.
  def announced
    Thread.current[:slipway_announced]
  end
end

Kernel.singleton_class.prepend(Module.new do
  def load(file, *wrap)
    return super unless wrap.empty? && $LOADED_FEATURES.announced == file

    Thread.current[:slipway_announced] = nil
    # false: it was loaded under another name, and Puppet still wants it read
    require(file) || super
  end
end)
