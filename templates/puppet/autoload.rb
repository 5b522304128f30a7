# frozen_string_literal: true

# Loaded before Puppet, in the agent (ruby -r) and in the server (ruby/puppet.rb): a third of what an agent's
# run costs, an eighth of the server's start and a fifth of its first catalog.
#
# Puppet announces each type, provider and function in $LOADED_FEATURES and then reads it with Kernel.load.
# Ruby's index of that list is stale after such an entry from outside, and the next require makes it anew,
# with the real path of every file so far (Ruby 3.1, bug 19246): 730,000 readlink(2) a run. A file that is
# read by require gets into list and index at once, so an announced file is; all others are read as before.
# Nothing of Puppet's is replaced: one that announces nothing is not touched.
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
    # false: it is there by another name, and Puppet wants it read all the same
    require(file) || super
  end
end)
