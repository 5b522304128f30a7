# Applies what was understood to the machine: field by field, and only what differs from what was applied before, so that
# later changes by hand are not undone at every boot. A field that a source no longer sets gets the profile's value again.
require 'fileutils'
require 'ipaddr'
require 'json'

class Apply
  GROUPS = { 'hostname' => %w[hostname], 'network' => %w[address gateway dns adapter], 'ntp' => %w[ntp],
             'proxy' => %w[proxy], 'admin_keys' => %w[admin_keys] }.freeze
  PROXIES = %w[http_proxy https_proxy HTTP_PROXY HTTPS_PROXY].freeze
  NO_PROXIES = %w[no_proxy NO_PROXY].freeze
  WITHOUT_PROXY = 'localhost,127.0.0.1,::1,.appliance.internal'

  def initialize(root)
    @root = root
    @store = "#{root}/var/lib/slipway/inputs"
    @defaults = json("#{root}/usr/lib/slipway/defaults.json")
    @applied = json("#{@store}/applied.json")
  end

  # the source of the values that the machine has now; nil for the profile
  def source = @applied['source']

  def values = @applied['values'] || {}

  # what the profile says about a field
  def default(field) = @defaults[field]

  # Whether processes on the machine can write what this source says, so that a person has to agree: anybody in a VMware guest
  # may set guestinfo. Until the machine is READY, nothing from outside runs on it.
  def doubted?(source)
    source == 'ovf-guestinfo' && File.exist?("#{@root}/var/lib/slipway/stamps/ready") && @defaults['guestinfo'] != 'always'
  end

  # the values that would apply after `run`
  def wanted(good, refused) = good.merge(values.slice(*refused))

  # Applies checked values of `source`; fields in `refused` stay as they are. The record is written last: after a power
  # cut, the next boot finds a difference and writes again.
  def run(source, good, refused)
    wanted = wanted(good, refused)
    FileUtils.mkdir_p(@store)
    # logins last: only they depend on a home folder that people may have moved
    GROUPS.each do |group, fields|
      next if wanted.slice(*fields) == values.slice(*fields)
      send(group, @defaults.merge(wanted), wanted)
    end
    return if wanted == values && source == self.source
    write("#{@store}/applied.json", JSON.pretty_generate('source' => source, 'values' => wanted), 0o600)
    wanted.empty? ? remove("#{@store}/source") : write("#{@store}/source", source, 0o644)
  end

  private

  def json(path)
    data = JSON.parse(File.read(path))
    data.is_a?(Hash) ? data : {}
  rescue SystemCallError, JSON::ParserError
    {}
  end

  def hostname(now, _wanted)
    name = now['hostname'] or return
    short = name.split('.').first
    names = [name, short].uniq.join(' ')
    hosts = lines('/etc/hosts')
    at = hosts.index { |line| /\A127\.0\.1\.1\s/.match?(line) }
    at ? hosts[at] = "127.0.1.1 #{names}" : hosts.push("127.0.1.1 #{names}")
    write(path('/etc/hosts'), hosts.join("\n"), 0o644)
    write(path('/etc/hostname'), short, 0o644)
    # systemd took the old name before this ran
    File.write(path('/proc/sys/kernel/hostname'), "#{short}\n")
  end

  # the shell script that started this names the adapter for the address, because it sees the adapters
  def network(now, wanted)
    adapter = "#{@store}/adapter"
    wanted['adapter'] ? write(adapter, wanted['adapter'], 0o644) : remove(adapter)
    return remove("#{@store}/first.network") if (wanted.keys & GROUPS['network']).empty?
    # an address from here never goes with the profile's gateway
    ours = wanted['address'] ? wanted : now
    servers = Array(now['dns'])
    text = +"[Network]\n"
    text << (ours['address'] ? address(ours['address'], ours['gateway']) : "DHCP=yes\n")
    servers.each { |server| text << "DNS=#{server}\n" }
    text << on_link(ours['gateway']) if ours['address'] && outside?(ours['address'], ours['gateway'])
    text << "\n# as in /etc/systemd/network/50-slipway.network\n"
    text << "[DHCPv4]\nClientIdentifier=mac\nUseHostname=no\nUseDNS=#{servers.empty? ? 'yes' : 'no'}"
    write("#{@store}/first.network", text, 0o644)
  end

  def address(address, gateway)
    way = gateway && !outside?(address, gateway) ? "Gateway=#{gateway}\n" : ''
    "Address=#{address}\n#{way}"
  end

  def on_link(gateway) = "\n[Route]\nGateway=#{gateway}\nGatewayOnLink=yes\n"

  # a link-local router is on the link by itself
  def outside?(address, gateway)
    return false unless gateway
    router = IPAddr.new(gateway)
    !IPAddr.new(address).include?(router) && !(router.ipv6? && router.link_local?)
  end

  def ntp(_now, wanted)
    file = path('/etc/systemd/timesyncd.conf.d/20-slipway-inputs.conf')
    # the empty line forgets the profile's servers
    text = ['[Time]', 'NTP=', *Array(wanted['ntp']).map { |server| "NTP=#{server}" }].join("\n")
    wanted['ntp'] ? write(file, text, 0o644) : remove(file)
    # it may have read its files already; if it had to start after this, the whole boot would have to wait
    system('systemctl', '--no-block', 'try-restart', 'systemd-timesyncd.service', %i[out err] => File::NULL)
  end

  def proxy(now, wanted)
    apt = path('/etc/apt/apt.conf.d/95slipway-inputs-proxy')
    proxy = now['proxy']
    ours = PROXIES + NO_PROXIES
    rest = lines('/etc/environment').reject { |line| ours.include?(line.split('=').first) }
    rest += PROXIES.map { |name| "#{name}=#{proxy}" } + NO_PROXIES.map { |name| "#{name}=#{WITHOUT_PROXY}" } if proxy
    write(path('/etc/environment'), rest.join("\n"), 0o644)
    return remove(apt) unless wanted['proxy']
    write(apt, %w[http https].map { |kind| "Acquire::#{kind}::Proxy \"#{proxy}\";" }.join("\n"), 0o644)
  end

  # They replace the profile's keys. As with those, they are then the only way in from the network.
  def admin_keys(now, wanted)
    sshd = path('/etc/ssh/sshd_config.d/05-slipway-inputs.conf')
    home = File.stat(path('/home/admin'))
    folder = path('/home/admin/.ssh')
    keys = Array(now['admin_keys'])
    if keys.empty?
      remove("#{folder}/authorized_keys")
    else
      FileUtils.mkdir_p(folder, mode: 0o700)
      File.chown(home.uid, home.gid, folder)
      write("#{folder}/authorized_keys", keys.join("\n"), 0o600, home)
    end
    return remove(sshd) unless wanted['admin_keys']
    write(sshd, "# The keys came from outside when the machine started.\nPasswordAuthentication no", 0o644)
  end

  def path(name) = "#{@root}#{name}"

  def lines(name)
    text = File.binread(path(name)).force_encoding('UTF-8').scrub('?')
    text.lines(chomp: true)
  rescue Errno::ENOENT
    []
  end

  # whole or not at all, and on the disk before anything says so
  def write(file, text, mode, owner = nil)
    text += "\n" unless text.empty?
    FileUtils.mkdir_p(File.dirname(file), mode: 0o755) unless Dir.exist?(File.dirname(file))
    part = "#{file}.slipway-new"
    FileUtils.rm_f(part)
    File.open(part, File::WRONLY | File::CREAT | File::EXCL, mode) do |out|
      out.chmod(mode)
      out.chown(owner.uid, owner.gid) if owner
      out.write(text)
      out.fsync
    end
    File.rename(part, file)
    settle(file)
  end

  def remove(file)
    FileUtils.rm_f(file)
    settle(file) if Dir.exist?(File.dirname(file))
  end

  def settle(file) = File.open(File.dirname(file), &:fsync)
end
