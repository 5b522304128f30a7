# A NoCloud seed's network-config, versions 1 and 2: the first Ethernet interface's first fixed address, its default route and
# its name servers. The rest is named in one note: its author has to know that it does nothing.
require 'ipaddr'

module NetworkConfig
  ONE = %w[type name mac_address subnets].freeze
  SUBNET = %w[type address netmask gateway routes dns_nameservers].freeze
  # with these types the address is fixed; with the others it is asked for
  FIXED = %w[static static6].freeze
  TWO = %w[match addresses gateway4 gateway6 routes nameservers dhcp4 dhcp6 optional].freeze
  HARDWARE = /\A\h{2}(?:[:-]\h{2}){5}\z/

  module_function

  def read(data, raw, notes)
    data = data['network'] if data.is_a?(Hash) && data['network'].is_a?(Hash)
    unused = []
    case data.is_a?(Hash) && data['version']
    when 1 then one(data, raw, unused)
    when 2 then two(data, raw, unused)
    else raise Sources::Malformed, 'it has neither version 1 nor version 2'
    end
    notes.concat(Sources.unused('network-config', unused))
  end

  def one(data, raw, unused)
    entries = Array(data['config']).grep(Hash)
    kinds = entries.group_by { |entry| entry['type'] }
    wired = kinds['physical'] || []
    more(wired.drop(1).map { |other| other['name'] }, unused)
    unused.concat(kinds.keys - %w[physical nameserver route loopback])
    net = wired.first || {}
    raw['adapter'] = adapter(net['mac_address'], nil, net['name'])
    unused.concat(Sources.wanting(net, ONE))
    subnets = Array(net['subnets']).grep(Hash)
    fixed = subnets.select { |subnet| FIXED.include?(subnet['type']) && Sources.scalar(subnet['address']) }
    unused.concat(fixed.drop(1).map { |other| other['address'] })
    unused.concat(subnets.flat_map { |subnet| Sources.wanting(subnet, SUBNET) })
    raw['dhcp'] = true if subnets.any? { |subnet| subnet['type'].to_s.start_with?('dhcp') }
    routes = (kinds['route'] || []) + subnets.flat_map { |subnet| Array(subnet['routes']).grep(Hash) }
    fixed_address(with_prefix(fixed.first), Sources.scalar(fixed.dig(0, 'gateway')), routes, raw, unused)
    servers = kinds['nameserver'] || []
    unused.concat(servers.flat_map { |server| Sources.wanting(server, %w[type address]) })
    raw['dns'] = (subnets.map { |subnet| subnet['dns_nameservers'] } + servers.map { |server| server['address'] })
                 .flat_map { |addresses| Sources.strings(addresses) }
  end

  # version 1 may have the mask beside the address
  def with_prefix(subnet)
    return nil unless subnet
    address = Sources.scalar(subnet['address'])
    mask = Sources.scalar(subnet['netmask'])
    return address if address.include?('/') || mask.nil?
    bits = prefix(mask)
    bits ? "#{address}/#{bits}" : address
  end

  # the length of a mask, as 24 or as 255.255.255.0
  def prefix(mask)
    return mask.to_i if /\A[0-9]{1,3}\z/.match?(mask)
    bits = IPAddr.new(mask).to_i.to_s(2).rjust(mask.include?(':') ? 128 : 32, '0')
    bits.count('1') if /\A1*0*\z/.match?(bits)
  rescue IPAddr::Error
    nil
  end

  def two(data, raw, unused)
    wired = data['ethernets'].is_a?(Hash) ? data['ethernets'].select { |_, net| net.is_a?(Hash) } : {}
    unused.concat(Sources.wanting(data, %w[version renderer ethernets]))
    more(wired.keys.drop(1), unused)
    id, net = wired.first
    net ||= {}
    match = net['match'].is_a?(Hash) ? net['match'] : {}
    raw['adapter'] = adapter(match['macaddress'], match['name'], id, asked: !match.empty?)
    unused.concat(Sources.wanting(net, TWO), Sources.wanting(match, %w[macaddress name]).map { |key| "match.#{key}" })
    addresses = Array(net['addresses']).map { |one| one.is_a?(Hash) ? one.keys.first.to_s : one.to_s }
    unused.concat(addresses.drop(1))
    raw['dhcp'] = true if net['dhcp4'] == true || net['dhcp6'] == true
    gateway = Sources.scalar(net[addresses.first.to_s.include?(':') ? 'gateway6' : 'gateway4'])
    fixed_address(addresses.first, gateway, Array(net['routes']).grep(Hash), raw, unused)
    servers = net['nameservers']
    return unless servers.is_a?(Hash)
    raw['dns'] = Sources.strings(servers['addresses'])
    unused.concat(Sources.wanting(servers, %w[addresses]))
  end

  def more(names, unused) = unused.concat(names.map { |name| "the interface #{name}" })

  # Which of the machine's adapters is meant: a hardware address counts most, then a pattern of names. The interface's own
  # name is often a habit ("eth0"), so the machine may have none of that name.
  def adapter(mac, pattern, name, asked: false)
    return "mac #{hardware(mac)}" unless mac.nil?
    return "match #{pattern}" unless pattern.nil?
    # matched by something that is not read here: no adapter is certain
    return 'match ?' if asked
    Values.blank?(name) ? nil : "name #{name}"
  end

  # without quotes, YAML reads some hardware addresses as a number
  def hardware(mac)
    return mac.downcase.tr('-', ':') if mac.is_a?(String) && HARDWARE.match?(mac)
    raise Sources::Malformed, 'a hardware address in it is not valid: it needs quotes, as in "52:54:00:12:34:56"'
  end

  def fixed_address(address, gateway, routes, raw, unused)
    default, others = routes.partition { |route| everywhere?(route) }
    unused << 'routes to single networks' unless others.empty?
    return unused.concat(default.map { 'the default route' }) unless address
    raw['address'] = address
    mine = default.select { |route| via(route).include?(':') == address.include?(':') }
    route = gateway ? nil : mine.find { |one| !via(one).empty? }
    raw['gateway'] = gateway || (route && via(route))
    raw['on_link'] = true if route && route['on-link'] == true
    unused.concat((default.map { |one| via(one) } - [raw['gateway']]).map { |other| "the gateway #{other}" })
  end

  def via(route) = Sources.scalar(route['via'] || route['gateway']).to_s

  # 0.0.0.0/0, in all the ways that the two versions can write it: to; destination; network with netmask
  def everywhere?(route)
    to = Sources.scalar(route['to'] || route['destination'] || route['network']).to_s.strip
    return true if %w[default 0/0].include?(to)
    network, bits = to.split('/', 2)
    bits ||= Sources.scalar(route['netmask'] || route['prefix']).to_s
    return false unless network && IPAddr.new(network).to_i.zero?
    prefix(bits)&.zero? || bits.empty?
  rescue IPAddr::Error
    false
  end
end
