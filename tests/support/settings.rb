# What the appliance's readers of settings make of the same documents as tests/support/cloud-init.py: what they accept of
# each, and their notes. Argument: the folder of the readers.
require 'json'
require 'tmpdir'
%w[values sources].each { |name| require "#{ARGV[0]}/#{name}" }
# otherwise each key would start a process, and that would be measured
Values.define_singleton_method(:key?) { |_| true }

def read(document)
  Dir.mktmpdir do |folder|
    Dir.mkdir("#{folder}/nocloud")
    text = document['kind'] == 'user-data' ? "#cloud-config\n#{document['text']}" : document['text']
    File.write("#{folder}/nocloud/#{document['kind']}", text)
    found, notes = Sources.all(folder)
    good, _, why = Values.check(found.first.raw)
    { taken: good, notes: notes + found.first.notes + why }
  end
end

puts JSON.generate(JSON.parse($stdin.read).map { |document| read(document) })
