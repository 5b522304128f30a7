# Throws documents at the appliance's readers of settings from outside (templates/firstboot/settings), which are Ruby.
#
#   ruby fuzz/inputs.rb COUNT [SEED]      that many rounds
#   ruby fuzz/inputs.rb SECONDSs [SEED]   as long as that, as in 600s
#
# A round is a document that was cut, joined, doubled and sprinkled with words that mean something to its format. Nothing may
# raise or take longer than five seconds, and what is accepted must be what files on the machine can hold. Prints what broke
# it and ends with 1. The same seed makes the same rounds.
require 'fileutils'
require 'timeout'
require 'tmpdir'
settings = File.expand_path('../templates/firstboot/settings', __dir__)
require "#{settings}/values"
require "#{settings}/sources"

# a process for each key is what would be measured then; ssh-keygen has its own fuzzers
Values.define_singleton_method(:key?) { |_| true }

KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOLZeEHMRyJ0gnoKSlh0vp60yW+hu0e7q5LIEeyVGQCQ me'.freeze
PROPERTIES = Values::SETTABLE.zip(['a.example', '192.0.2.10/24', '192.0.2.1', '192.0.2.53, ::1', 'a.example', 'http://p:3128', KEY])
OVF = %(<?xml version="1.0"?><Environment xmlns:oe="http://schemas.dmtf.org/ovf/environment/1"><!-- x --><PropertySection>#{
  PROPERTIES.map { |key, value| %(<Property oe:key="slipway.#{key}" oe:value="#{value}"/>) }.join
}</PropertySection><![CDATA[x]]><Entity/></Environment>).freeze
AZURE = "<Environment><ProvisioningSection><LinuxProvisioningConfigurationSet><HostName>a</HostName><SSH><PublicKeys><PublicKey>\
<Value>#{KEY}</Value></PublicKey></PublicKeys></SSH><CustomData>#{["#cloud-config\nhostname: b\n"].pack('m0')}</CustomData>\
</LinuxProvisioningConfigurationSet></ProvisioningSection></Environment>".freeze
SEEDS = {
  'guestinfo.xml' => [OVF, AZURE],
  'disc.xml' => [AZURE, OVF],
  'imds.json' => [%({"compute":{"osProfile":{"computerName":"a"},"publicKeys":[{"keyData":"#{KEY}"}]}})],
  'nocloud/meta-data' => ["instance-id: i\nlocal-hostname: a.example\npublic-keys:\n  - #{KEY}\n", "{hostname: a, public_keys: {0: {k: x}}}"],
  'nocloud/network-config' => [
    "network:\n  version: 2\n  ethernets:\n    e:\n      addresses: [192.0.2.10/24]\n      gateway4: 192.0.2.1\n      routes: [{to: default, via: 192.0.2.1}]\n      nameservers: {addresses: [192.0.2.53]}\n",
    "version: 1\nconfig:\n  - type: physical\n    subnets:\n      - {type: static, address: 192.0.2.10, netmask: 255.255.255.0, gateway: 192.0.2.1, dns_nameservers: [192.0.2.53]}\n  - {type: nameserver, address: 192.0.2.54}\n"
  ],
  'nocloud/user-data' => ["#cloud-config\nfqdn: a.example\nssh_authorized_keys: [#{KEY}]\nusers:\n  - {name: a, ssh-authorized-keys: x}\nntp: {servers: [a.example]}\nslipway: {proxy: 'http://p:3128', dns: [192.0.2.53]}\n"]
}.freeze
WORDS = ['<', '>', '&', '&#x', '&#0;', ';', '<!--', '-->', '<![CDATA[', ']]>', '<?', '<!DOCTYPE', '</a>', '"', "'", '[', ']', '{', '}', ': ',
         "\n", "\n- ", '? ', '&a ', '*a', '!ruby/object:A ', '!!binary ', '| ', '~', 'null', '.inf', '2026-11-27', '1e999', '0x', "\0", "\e[2J",
         "\xFF".b, "\u{feff}", '%00', '$(reboot)', '`x`', '../', "\t", ':a', '18446744073709551616', '::1', '0.0.0.0/0', '/129', '=', 'A' * 300].freeze

# what files on the machine can hold: one line without quotes, blanks and what a shell or systemd would take for more
PLAIN = %r{\A[A-Za-z0-9.:/\[\]_-]+\z}.freeze

class Rounds
  def initialize(seed) = @random = Random.new(seed)

  def pick(list) = list[@random.rand(list.size)]

  def document(name)
    bytes = pick(SEEDS[name]).b
    @random.rand(1..5).times { bytes = changed(bytes, name) }
    bytes
  end

  def changed(bytes, name)
    at = @random.rand(bytes.size + 1)
    length = @random.rand(1..[bytes.size, 24].min.clamp(1, 24))
    case @random.rand(7)
    when 0 then bytes[0, at] + pick(WORDS).b + bytes[at..]
    when 1 then bytes[0, at] + (bytes[at + length..] || '')
    when 2 then bytes[0, at] + (bytes[at, length] || '') * @random.rand(1..40) + bytes[at..]
    when 3 then bytes[0, at] + @random.bytes(length) + (bytes[at + length..] || '')
    when 4 then bytes[0, at] + pick(pick(SEEDS.values)).b[@random.rand(40)..].to_s
    when 5 then bytes[0, at] + pick(SEEDS[name]).b[at..].to_s
    else bytes[0, at] + pick(WORDS).b + (bytes[at + length..] || '')
    end
  end

  # the documents that one start finds
  def documents = SEEDS.keys.select { @random.rand(3).zero? }.to_h { |name| [name, document(name)] }
end

def assert(holds, what) = holds || raise("not held: #{what}")

def check(folder)
  found, notes = Sources.all(folder)
  found.each do |one|
    one.says?
    good, refused, why = Values.check(one.raw)
    assert((good.keys & refused).empty?, 'a field is good or refused')
    assert((good.keys - Values::FIELDS).empty?, 'there are no other fields')
    assert(!good.key?('gateway') || good.key?('address'), 'a gateway has its address')
    good.each { |field, value| Array(value).each { |text| assert(held?(field, text), "#{field} is #{text.inspect}") } }
    notes.concat(one.notes).concat(why)
  end
  notes.each { |note| assert(note.is_a?(String) && note.gsub(/[^\x20-\x7e]/, '?')[0, 200].ascii_only?, 'a note can be shown') }
  found.sum { |one| one.raw.size }
end

def held?(field, text)
  return Values::ADAPTER.match?(text) && text.ascii_only? if field == 'adapter'
  field == 'admin_keys' ? !text.match?(/[[:cntrl:]]/) && text.start_with?('ssh-', 'ecdsa-', 'sk-') : PLAIN.match?(text)
end

limit, seed = ARGV
abort 'usage: ruby fuzz/inputs.rb COUNT|SECONDSs [SEED]' unless /\A[0-9]+s?\z/.match?(limit.to_s)
seed = (seed || 1).to_i
clock = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
finish = limit.end_with?('s') ? clock[] + limit.to_i : nil
rounds = Rounds.new(seed)
number = 0
values = 0
Dir.mktmpdir do |folder|
  until finish ? clock[] >= finish : number >= limit.to_i
    documents = rounds.documents
    FileUtils.rm_rf(Dir.children(folder).map { |name| File.join(folder, name) })
    documents.each do |name, bytes|
      path = File.join(folder, name)
      FileUtils.mkdir_p(File.dirname(path))
      File.binwrite(path, bytes)
    end
    begin
      values += Timeout.timeout(5) { check(folder) }
    rescue Exception => e # whatever it is, it would have ended a start
      warn "round #{number} of seed #{seed}: #{e.class}: #{e.message}", e.backtrace.first(5)
      documents.each { |name, bytes| warn "#{name}: #{bytes.inspect}" }
      exit 1
    end
    number += 1
  end
end
puts "#{number} rounds, #{values} values read"
