# What the sources' documents say, as raw values by field (values.rb checks them), and which parts of them are not read.
require 'date'
require 'json'
require 'yaml'
require_relative 'xml'
require_relative 'cloud_config'
require_relative 'network_config'

module Sources
  # a document that cannot be read: the source counts as absent
  class Malformed < StandardError; end

  Found = Struct.new(:name, :raw, :notes) do
    # whether anything is set in it: hypervisors hand over properties that nobody filled in
    def says? = raw.slice(*Values::SETTABLE).values.any? { |value| Array(value).any? { |one| !Values.blank?(one) } }
  end

  LONGEST = 1 << 20 # bytes of a document; the shell script that collects them cuts off after this

  LONGEST_YAML = 1 << 17 # cloud-init's sources stop at 64 KiB or less
  DEEPEST = 64 # nested brackets, or dashes on a line

  module_function

  # Every source with a document collected below `folder`, the one that counts most first.
  def all(folder)
    found = []
    notes = []
    xml_documents(folder).each do |name, path|
      one = guarded(name, notes) { ovf(name, text(path)) }
      found << one if one
    end
    seed = File.join(folder, 'nocloud')
    found << nocloud(seed) if Dir.exist?(seed)
    imds = File.join(folder, 'imds.json')
    found << azure_metadata(found, imds, notes) if File.exist?(imds)
    found.compact!
    rank = %w[ovf-guestinfo ovf-iso nocloud azure]
    [found.sort_by { |one| rank.index(one.name) }, notes]
  end

  def xml_documents(folder)
    Dir.glob('*.xml', base: folder).sort.map do |name|
      [name == 'guestinfo.xml' ? 'ovf-guestinfo' : 'ovf-iso', File.join(folder, name)]
    end
  end

  # whatever goes wrong in a document is a note, never the end: the boot continues without it
  def guarded(name, notes)
    yield
  rescue Malformed, Xml::Malformed => e
    notes << "#{name}: ignored: #{e.message}"
    nil
  rescue StandardError, SystemStackError => e
    notes << "#{name}: ignored: it cannot be read (#{e.class})"
    nil
  end

  def text(path)
    bytes = File.binread(path, LONGEST + 1) || +''
    raise Malformed, 'it is longer than 1 MiB' if bytes.bytesize > LONGEST
    text = bytes.force_encoding('UTF-8').delete_prefix("\u{feff}")
    raise Malformed, 'it is not UTF-8 text' unless text.valid_encoding? && !text.include?("\0")
    text
  end

  # One file name, two worlds: DMTF's OVF environment (DSP0243, clause 11), and Azure's own schema.
  def ovf(name, document)
    root = Xml.parse(document)
    raise Malformed, 'it is not an OVF environment' unless root.name == 'Environment'
    azure = root.find('LinuxProvisioningConfigurationSet')
    return azure_disc(azure) if azure
    raw = {}
    unknown = []
    # this machine's own section; those of other machines are in Entity elements, and those of other programs have other keys
    root.all('PropertySection').flat_map { |section| section.all('Property') }.each do |property|
      key = property.attributes['key'].to_s
      next unless key.start_with?('slipway.')
      field = key.delete_prefix('slipway.')
      Values::SETTABLE.include?(field) ? raw[field] = property.attributes['value'] : unknown << key
    end
    Found.new(name, raw, unused(name, unknown))
  end

  def azure_disc(set)
    say = ->(name) { set.find(name)&.text&.strip }
    raw = { 'hostname' => say['HostName'] }
    keys = set.find('PublicKeys')&.all('PublicKey').to_a.map { |key| key.find('Value')&.text }
    raw['admin_keys'] = keys.compact.reject { |key| Values.blank?(key) }
    notes = []
    notes << 'azure: not used: the password; the login is admin, by key' unless Values.blank?(say['UserPassword'])
    data = say['CustomData'] || say['UserData']
    CloudConfig.read(data.unpack1('m'), raw, notes) unless Values.blank?(data)
    Found.new('azure', raw, notes)
  end

  # The instance metadata service knows the keys even if the disc has only fingerprints.
  def azure_metadata(found, path, notes)
    disc = found.find { |one| one.name == 'azure' }
    found.delete(disc)
    raw = disc ? disc.raw : {}
    guarded('azure', notes) do
      compute = JSON.parse(text(path), max_nesting: 32)
      compute = compute['compute'] || compute
      raise Malformed, 'the metadata does not describe a machine' unless compute.is_a?(Hash)
      profile = compute['osProfile'].is_a?(Hash) ? compute['osProfile'] : {}
      raw['hostname'] = profile['computerName'] if Values.blank?(raw['hostname'])
      keys = Array(compute['publicKeys']).filter_map { |key| key['keyData'] if key.is_a?(Hash) }
      raw['admin_keys'] = keys unless keys.empty?
    end
    Found.new('azure', raw, disc ? disc.notes : [])
  end

  # A NoCloud seed: three files, each of which may be missing.
  def nocloud(folder)
    raw = {}
    notes = []
    meta = nocloud_file(folder, 'meta-data', notes) { |text| yaml(text) }
    meta_data(meta, raw, notes) if meta.is_a?(Hash)
    nocloud_file(folder, 'network-config', notes) { |text| NetworkConfig.read(yaml(text), raw, notes) }
    nocloud_file(folder, 'user-data', notes) { |text| CloudConfig.read(text, raw, notes) }
    Found.new('nocloud', raw, notes)
  end

  META = %w[instance-id instance_id dsmode local-hostname hostname public-keys public_keys].freeze

  def meta_data(meta, raw, notes)
    raw['hostname'] = [meta['local-hostname'], meta['hostname']].find { |one| !Values.blank?(one) }
    raw['admin_keys'] = strings(meta['public-keys'] || meta['public_keys'])
    notes.concat(unused('nocloud meta-data', wanting(meta, META)))
  end

  # one note that names everything that is there but not read
  def unused(where, names)
    names.empty? ? [] : ["#{where}: not used: #{names.map { |name| name.to_s[0, 40] }.uniq.first(12).join(', ')}"]
  end

  # the keys that ask for something, without those that are `read`
  def wanting(map, read)
    map.reject { |key, value| read.include?(key) || [nil, false, '', [], {}].include?(value) }.keys
  end

  def nocloud_file(folder, name, notes, &read)
    path = File.join(folder, name)
    return unless File.exist?(path)
    guarded("nocloud #{name}", notes) do
      document = text(path)
      read.call(document) unless document.strip.empty?
    end
  end

  # YAML without objects, and without aliases, which can grow without end.
  def yaml(text)
    raise Malformed, 'it is longer than 128 KiB' if text.bytesize > LONGEST_YAML
    raise Malformed, 'it is nested too deeply' if too_deep?(text)
    YAML.safe_load(text, permitted_classes: [Date, Time, Symbol], aliases: false)
  rescue Psych::Exception
    raise Malformed, 'it is not YAML that can be read here (no aliases, no objects)'
  end

  # libyaml's time grows with the square of the depth: a depth of 200,000 takes it minutes
  def too_deep?(text)
    depth = 0
    flow = text.scan(/[\[\]{}]/).any? { |one| (depth += '[{'.include?(one) ? 1 : -1) > DEEPEST }
    flow || /^[ \t]*(?:[-?:][ \t]+){#{DEEPEST}}/o.match?(text)
  end

  def scalar(value) = value.is_a?(String) || value.is_a?(Integer) ? value.to_s : nil

  # all strings in lists and maps of one field, in order
  def strings(value, depth = 0)
    case value
    when String then [value]
    when Array then depth > 4 ? [] : value.flat_map { |one| strings(one, depth + 1) }
    when Hash then depth > 4 ? [] : value.values.flat_map { |one| strings(one, depth + 1) }
    else []
    end
  end
end
