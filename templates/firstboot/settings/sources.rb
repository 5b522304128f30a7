# What the documents of the sources say, as raw values by field (values.rb checks them), and what in them is not read.
require 'date'
require 'json'
require 'yaml'
require_relative 'xml'

module Sources
  # a document that cannot be read: the source is as good as absent
  class Malformed < StandardError; end

  Found = Struct.new(:name, :raw, :notes) do
    # whether anything is set in it: hypervisors hand over properties that nobody filled in
    def says? = raw.values.any? { |value| Array(value).any? { |one| !Values.blank?(one) } }
  end

  LONGEST = 1 << 20 # bytes of a document; the sh that collects cuts off behind this

  LONGEST_YAML = 1 << 17 # cloud-init's sources stop at 64 KiB or less
  DEEPEST = 64 # brackets in each other, or dashes on a line

  module_function

  # Every source of which a document was collected below `folder`, the one that counts most first.
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

  # whatever goes wrong in a document is a note, never the end: a boot goes on without it
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
    # this machine's own section; other machines' are in Entity elements
    root.all('PropertySection').flat_map { |section| section.all('Property') }.each do |property|
      key = property.attributes['key'].to_s
      field = key.delete_prefix('slipway.')
      raw[field] = property.attributes['value'] if key.start_with?('slipway.') && Values::FIELDS.include?(field)
    end
    Found.new(name, raw, [])
  end

  def azure_disc(set)
    say = ->(name) { set.find(name)&.text&.strip }
    raw = { 'hostname' => say['HostName'] }
    keys = set.find('PublicKeys')&.all('PublicKey').to_a.map { |key| key.find('Value')&.text }
    raw['admin_keys'] = keys.compact.reject { |key| Values.blank?(key) }
    notes = []
    data = say['CustomData'] || say['UserData']
    cloud_config(data.unpack1('m'), raw, notes) unless Values.blank?(data)
    Found.new('azure', raw, notes)
  end

  # The instance metadata service knows the keys even where the disc has fingerprints only.
  def azure_metadata(found, path, notes)
    disc = found.find { |one| one.name == 'azure' }
    found.delete(disc)
    raw = disc ? disc.raw : {}
    guarded('azure', notes) do
      compute = JSON.parse(text(path), max_nesting: 32)
      compute = compute['compute'] || compute
      raise Malformed, 'the metadata is not of a machine' unless compute.is_a?(Hash)
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
    if meta.is_a?(Hash)
      raw['hostname'] = [meta['local-hostname'], meta['hostname']].find { |one| !Values.blank?(one) }
      raw['admin_keys'] = strings(meta['public-keys'] || meta['public_keys'])
    end
    nocloud_file(folder, 'network-config', notes) { |text| network(yaml(text), raw, notes) }
    nocloud_file(folder, 'user-data', notes) { |text| cloud_config(text, raw, notes) }
    Found.new('nocloud', raw, notes)
  end

  def nocloud_file(folder, name, notes, &read)
    path = File.join(folder, name)
    return unless File.exist?(path)
    guarded("nocloud #{name}", notes) do
      document = text(path)
      read.call(document) unless document.strip.empty?
    end
  end

  # YAML without objects and without aliases, which can grow without end.
  def yaml(text)
    raise Malformed, 'it is longer than 128 KiB' if text.bytesize > LONGEST_YAML
    raise Malformed, 'too much lies in each other in it' if too_deep?(text)
    YAML.safe_load(text, permitted_classes: [Date, Time, Symbol], aliases: false)
  rescue Psych::Exception
    raise Malformed, 'it is not YAML as is read here (no aliases, no objects)'
  end

  # libyaml's time grows with the square of the depth: one of 200,000 takes it minutes
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

  # The part of #cloud-config that an appliance has a use for, and a map `slipway` with our own fields.
  def cloud_config(text, raw, notes)
    head = text.dup.force_encoding('UTF-8').scrub('?').lstrip
    unless /\A#cloud-config\s*$/.match?(head)
      notes << 'user-data: ignored: it does not begin with #cloud-config'
      return
    end
    data = guarded('user-data', notes) { yaml(text.dup.force_encoding('UTF-8')) }
    return unless data.is_a?(Hash)
    name = [data['fqdn'], data['hostname']].filter_map { |one| scalar(one) }.find { |one| !Values.blank?(one) }
    raw['hostname'] = name if name
    keys = strings(data['ssh_authorized_keys']) + user_keys(data['users'])
    raw['admin_keys'] = Array(raw['admin_keys']) + keys
    ntp = data['ntp']
    raw['ntp'] = strings(ntp['servers']) + strings(ntp['pools']) if ntp.is_a?(Hash)
    own = data['slipway']
    return unless own.is_a?(Hash)
    Values::FIELDS.each { |field| raw[field] = own_value(field, own[field]) if own.key?(field) }
  end

  def own_value(field, value) = Values::LISTS.include?(field) ? strings(value) : scalar(value)

  def user_keys(users)
    Array(users).flat_map do |user|
      next [] unless user.is_a?(Hash)
      strings(user['ssh_authorized_keys'] || user['ssh-authorized-keys'])
    end
  end

  # network-config versions 1 and 2: the first Ethernet interface's first fixed address
  def network(data, raw, notes)
    data = data['network'] if data.is_a?(Hash) && data['network'].is_a?(Hash)
    case data.is_a?(Hash) && data['version']
    when 1 then network_one(data, raw, notes)
    when 2 then network_two(data, raw, notes)
    else raise Malformed, 'it has neither version 1 nor version 2'
    end
  end

  def network_one(data, raw, notes)
    entries = Array(data['config']).select { |one| one.is_a?(Hash) }
    servers = entries.select { |one| one['type'] == 'nameserver' }.flat_map { |one| strings(one['address']) }
    wired = entries.select { |one| one['type'] == 'physical' }
    notes << 'network-config: only the first interface is read' if wired.size > 1
    nets = Array(wired.first && wired.first['subnets']).select { |net| net.is_a?(Hash) }
    fixed = nets.select { |net| %w[static static6].include?(net['type']) && scalar(net['address']) }
    notes << 'network-config: only the first address is read' if fixed.size > 1
    if (net = fixed.first)
      raw['address'] = with_prefix(scalar(net['address']), scalar(net['netmask']))
      raw['gateway'] = scalar(net['gateway'])
    end
    raw['dns'] = nets.flat_map { |one| strings(one['dns_nameservers']) } + servers
  end

  # 255.255.255.0 counts its bits; what is no mask is left for the check to refuse
  def with_prefix(address, mask)
    return address if address.include?('/') || mask.nil?
    return "#{address}/#{mask}" unless mask.include?('.')
    bits = mask.split('.').map { |part| part.to_i.clamp(0, 255).to_s(2).rjust(8, '0') }.join
    /\A1*0*\z/.match?(bits) && bits.size == 32 ? "#{address}/#{bits.count('1')}" : address
  end

  def network_two(data, raw, notes)
    wired = data['ethernets'].is_a?(Hash) ? data['ethernets'].values.grep(Hash) : []
    notes << 'network-config: only the first interface is read' if wired.size > 1
    net = wired.first || {}
    addresses = Array(net['addresses']).map { |one| one.is_a?(Hash) ? one.keys.first.to_s : one.to_s }
    notes << 'network-config: only the first address is read' if addresses.size > 1
    if (address = addresses.first)
      raw['address'] = address
      six = address.include?(':')
      raw['gateway'] = scalar(net[six ? 'gateway6' : 'gateway4']) || default_route(net['routes'], six)
    end
    servers = net['nameservers']
    raw['dns'] = strings(servers['addresses']) if servers.is_a?(Hash)
  end

  def default_route(routes, six)
    everywhere = ['default', six ? '::/0' : '0.0.0.0/0']
    route = Array(routes).grep(Hash).find { |one| everywhere.include?(one['to']) && one['via'].to_s.include?(':') == six }
    route && scalar(route['via'])
  end
end
