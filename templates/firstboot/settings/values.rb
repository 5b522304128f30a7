# What a setting may be. Everything here comes from outside: nothing is used unless all of it is understood, and what is
# accepted contains no character that could end a line or a word in the files it is written into.
require 'ipaddr'
require 'open3'

module Values
  # shown to people; never quotes a key or a proxy, which may contain a password
  class Bad < StandardError; end

  SETTABLE = %w[hostname address gateway dns ntp proxy admin_keys].freeze
  # which adapter has the address is not a setting of its own: it comes with a seed's network
  FIELDS = %w[adapter].concat(SETTABLE).freeze
  LISTS = %w[dns ntp admin_keys].freeze

  LABEL = /[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?/
  NAME = /\A#{LABEL}(?:\.#{LABEL})*\z/
  LONGEST_NAME = 253 # RFC 1035, section 2.3.4, written with dots
  LONGEST_HOST_NAME = 64 # HOST_NAME_MAX of Linux
  MOST = 64 # entries of a list
  LONGEST_KEY = 16_384 # RSA with 16384 bits takes 2.8 KB
  KINDS = /ssh-(?:rsa|ed25519)|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com/
  # every key's data starts with the length of its type's name: three zero bytes
  START = /(?:#{KINDS})[ \t]+AAAA/
  # sshd(8), "AUTHORIZED_KEYS FILE FORMAT"
  OPTION = /["=]|\A(?:restrict|cert-authority|verify-required|pty|user-rc|no-|(?:agent|port|x11)-forwarding)/i
  KEY = %r{\A(?:#{KINDS}) AAAA[A-Za-z0-9+/]+={0,2}(?: [^[:cntrl:]]{0,200})?\z}
  # without a user and a password: everybody on the machine can read the files that it is written into
  PROXY = %r{\Ahttps?://(?<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?<port>[0-9]{1,5}))?/?\z}

  # "mac" and a hardware address; "match" and a pattern of names, or "name" and one
  ADAPTER = /\A(?:mac \h{2}(?::\h{2}){5}|(?:match|name) [A-Za-z0-9*?_.-]{1,32})\z/

  module_function

  # blank and "null" (which some hypervisors write for nothing) mean: not set
  def blank?(value) = value.nil? || ['', 'null'].include?(value.to_s.strip)

  # a value for a message: one short line of ASCII, whatever it contains
  def shown(value)
    text = value.to_s.dup.force_encoding('UTF-8').scrub('?')
    text = "#{text[0, 40]}…" if text.size > 40
    text.dump.gsub(/\\u\{2026\}|\\u2026/, '...')
  end

  # in lower case, as names are compared; the last part is not a number, so that nobody takes it for an address
  def name?(text) = text.size <= LONGEST_NAME && NAME.match?(text) && !/(?:\A|\.)[0-9]+\z/.match?(text)

  def hostname(value)
    name = value.to_s.strip.downcase.delete_suffix('.')
    mine = name.size <= LONGEST_HOST_NAME && name.split('.').first != 'localhost'
    return name if mine && name?(name)
    raise Bad, "#{shown(value)} is not a host name"
  end

  def ip(value, what)
    text = value.to_s.strip
    return [text, IPAddr.new(text)] if /\A[0-9A-Fa-f:.]{2,45}\z/.match?(text)
    raise Bad, "#{shown(value)} is not #{what}"
  rescue IPAddr::Error
    raise Bad, "#{shown(value)} is not #{what}"
  end

  def address(value)
    text, bits = value.to_s.strip.split('/', 2)
    text, parsed = ip(text, 'an address')
    unless /\A[0-9]{1,3}\z/.match?(bits.to_s) && (1..most_bits(parsed)).cover?(bits.to_i)
      raise Bad, "#{shown(value)} lacks its prefix, as in 192.0.2.10/24"
    end
    raise Bad, "#{shown(value)} cannot be a machine's address" if nobody?(parsed, bits.to_i)
    "#{text}/#{bits.to_i}"
  end

  def most_bits(parsed) = parsed.ipv4? ? 32 : 128

  # unspecified, loopback, multicast, and for IPv4 the first and last address of a network with several
  def nobody?(parsed, bits = most_bits(parsed))
    range = parsed.mask(bits).to_range
    ends = parsed.ipv4? && bits < 31 ? [range.begin, range.end] : []
    parsed.to_i.zero? || parsed.loopback? || ends.include?(parsed) ||
      IPAddr.new(parsed.ipv4? ? '224.0.0.0/3' : 'ff00::/8').include?(parsed)
  end

  # A router outside the machine's network can be reached only if somebody says that it is on the link, or if the network
  # is only the machine itself, so that no router could be in it.
  def gateway(value, address, on_link)
    raise Bad, 'a gateway needs an address beside it' if address.nil?
    text, parsed = ip(value, 'a gateway')
    network = IPAddr.new(address)
    own, bits = address.split('/')
    related = parsed.ipv4? == network.ipv4?
    inside = related && network.include?(parsed)
    raise Bad, "the gateway #{shown(value)} is the machine itself" if parsed == IPAddr.new(own)
    raise Bad, "the gateway #{shown(value)} cannot be a machine's address" if inside ? nobody?(parsed, bits.to_i) : nobody?(parsed)
    return text if inside || (related && (on_link || bits.to_i == most_bits(parsed) || link_local?(parsed)))
    raise Bad, "the gateway #{shown(value)} is not in the network of #{address}"
  end

  # IPv6 routers are usually given like this
  def link_local?(parsed) = parsed.ipv6? && parsed.link_local?

  def server(value, what)
    text, parsed = ip(value, what)
    raise Bad, "#{shown(value)} cannot be a machine's address" if nobody?(parsed)
    text
  end

  def adapter(value)
    text = value.to_s
    raise Bad, "#{shown(value)} is not an adapter" unless ADAPTER.match?(text)
    text
  end

  def dns(values) = list(values, /[\s,;]+/).map { |one| server(one, 'a name server') }

  def ntp(values)
    list(values, /[\s,;]+/).map do |one|
      name?(one) ? one : server(one, 'a time server')
    end
  end

  def proxy(value)
    text = value.to_s.strip
    match = PROXY.match(text)
    port = match && match[:port]
    whole = text.size <= 1024 && match && (port.nil? || (1..65_535).cover?(port.to_i))
    host = whole && match[:host]
    ok = host && (host.start_with?('[') ? ip?(host[1..-2]) : name?(host) || ip?(host))
    raise Bad, 'it must look like http://proxy.example:3128, without a user and a password' unless ok
    text
  end

  def ip?(text)
    IPAddr.new(text)
    true
  rescue IPAddr::Error
    false
  end

  # Keys, one per line, or with commas or spaces between them if they were typed into a form with one line. What is not a key
  # is left out, and the block is called with a note.
  def admin_keys(values)
    found = list(values, /[\r\n]+/).flat_map { |line| keys_of(line) }
    found = found.each_with_index.filter_map do |one, index|
      key = one.strip.gsub(/[ \t]+/, ' ')
      next key if key.size <= LONGEST_KEY && KEY.match?(key) && key?(key)
      yield "SSH key #{index + 1} is not an OpenSSH public key" if block_given?
      nil
    end
    raise Bad, 'none of the SSH keys is an OpenSSH public key' if found.empty?
    found.uniq
  end

  # A line with options before a key stays whole, and is then refused, or is a comment for sshd as well: a key that was meant
  # for one command must not lose its options.
  def keys_of(line)
    keys = line.split(/[\s,;]+(?=#{START})/o)
    plain = /\A#{START}/o.match?(line) && keys[0..-2].none? { |key| OPTION.match?(key.split(/[\s,;]+/).drop(2).last.to_s) }
    plain ? keys : [line]
  end

  # ssh-keygen reads what sshd will read: through a pipe, and without a shell
  def key?(key)
    _, status = Open3.capture2e('ssh-keygen', '-l', '-f', '-', stdin_data: "#{key}\n")
    status.success?
  rescue SystemCallError
    false
  end

  def list(values, separator)
    all = Array(values).flat_map { |one| one.to_s.split(separator) }.map(&:strip).reject { |one| blank?(one) }
    raise Bad, "more than #{MOST} entries" if all.size > MOST
    raise Bad, 'an empty list' if all.empty?
    all
  end

  # Turns raw values into checked ones. Returns those, the fields that were refused, and why.
  def check(raw)
    good = {}
    refused = []
    notes = []
    FIELDS.each do |field|
      value = raw[field]
      next if value.is_a?(Array) ? value.all? { |one| blank?(one) } : blank?(value)
      unless Array(value).all? { |one| text?(one) }
        raise Bad, 'it contains bytes that are not text'
      end
      good[field] = one_value(field, value, good, raw) { |note| notes << note }
    rescue Bad => e
      refused << field
      notes << "#{field}: #{e.message}"
    end
    # half an address is not an address: the machine keeps what it has
    good.delete('address') if refused.include?('gateway')
    refused << 'address' if refused.include?('gateway')
    refused << 'gateway' if refused.include?('address')
    refused << 'adapter' if refused.include?('address')
    # an adapter only matters for an address or for name servers
    good.delete('adapter') unless (good.key?('address') || good.key?('dns')) && !refused.include?('adapter')
    [good, refused.uniq, notes]
  end

  def one_value(field, value, good, raw, &note)
    case field
    when 'gateway' then gateway(value, good['address'], raw['on_link'])
    when 'admin_keys' then admin_keys(value, &note)
    else public_send(field, value)
    end
  end

  def text?(value)
    text = value.to_s
    text.dup.force_encoding('UTF-8').valid_encoding? && !text.include?("\0")
  end
end
