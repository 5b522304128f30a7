# Validates manifests as `puppet parser validate` does, then compiles a site's catalog with the facts of each base that it
# is for; all in one process, for Puppet's start takes longer than what it does here. Nothing is applied.
# stdin: {"home", "basemodulepath", "manifests": [path], "bases": [{"name", "facts", "strict"}]}. Invalid manifests are
# told on stderr and by the status. What else is found is written to home/answer, for a site's functions may print:
# {"puppet", "bases": [{"name", "error", "file", "line"} or {"name", "sentinel", "sources", "packages", "archives"}]}.
require 'json'
require 'puppet'

NODE = 'appliance'
# the status that tells invalid manifests from a failure of this program
INVALID = 3
# Puppet's own way to say where: (file: /x.pp, line: 2, column: 1) on node appliance
PLACE = /\s*\(file: (?<file>[^,)]+)(?:, line: (?<line>\d+))?(?:, column: \d+)?\)/

ask = JSON.parse($stdin.read)
home = ask['home']
state = "#{home}/state"
folders = %w[confdir vardir logdir rundir].flat_map { |setting| ["--#{setting}", state] }
Puppet.initialize_settings(
  folders + ['--codedir', home, '--environmentpath', "#{home}/environments", '--basemodulepath', ask['basemodulepath'],
             '--hiera_config', "#{home}/hiera.yaml", '--color', 'false']
)

# Whether Puppet's parser takes every file: faults of all are logged.
def valid?(manifests)
  environment = Puppet::Node::Environment.create(:production, [])
  Puppet::Util::Log.newdestination(:console)
  Puppet.override(loaders: Puppet::Pops::Loaders.new(environment), current_environment: environment) do
    manifests.map do |file|
      one = environment.override_with(manifest: file)
      one.check_for_reparse
      one.known_resource_types.clear
      true
    rescue Puppet::Error => e
      Puppet.log_exception(e)
      false
    end.all?
  end
ensure
  Puppet::Util::Log.close_all
end

# Where a fault is, and what Puppet says of it without that.
def fault(error)
  said = error.message.to_s
  place = PLACE.match(said)
  file = (error.file if error.respond_to?(:file)) || (place && place[:file])
  line = (error.line if error.respond_to?(:line)) || (place && place[:line])
  said = said.gsub(PLACE, '').sub(/\s+on node #{NODE}\z/, '')
  { 'error' => said, 'file' => file, 'line' => line && line.to_i }
end

# The files of modules that a resource is copied from: the first that is there counts.
def sources(catalog)
  catalog.resources.select { |resource| resource.type == 'File' && resource[:source] }.map do |resource|
    [resource.to_s, resource.file, resource.line, [resource[:source]].flatten.map(&:to_s)]
  end
end

# What apt is asked for: package resources that are to be there, and take no file and no other program.
def packages(catalog)
  wanted = catalog.resources.select do |resource|
    resource.type == 'Package' && !resource.virtual? && !%w[absent purged].include?(resource[:ensure].to_s) &&
      resource[:source].nil? && [nil, 'apt', 'aptitude'].include?(resource[:provider]&.to_s)
  end
  wanted.flat_map do |resource|
    [resource[:name] || resource.title].flatten.map { |name| [resource.to_s, resource.file, resource.line, name.to_s] }
  end
end

# Whether the site brings archives of its own: then those of the base do not tell what there is.
def archives?(catalog)
  catalog.resources.any? do |resource|
    place = resource.type == 'File' && (resource[:path] || resource.title).to_s
    %w[Apt::Source Apt::Ppa].include?(resource.type) || (place && place.start_with?('/etc/apt/sources.list'))
  end
end

def compile(base, home, modules)
  # what Puppet 8 refuses is refused where the base has it
  Puppet[:strict_variables] = base['strict']
  Puppet[:strict] = base['strict'] ? :error : :warning
  # a loader for each base: what one environment has read may depend on facts
  loader = Puppet::Environments::Directories.new("#{home}/environments", modules.split(':'))
  environment = loader.get!('production')
  Puppet.override(environments: loader, current_environment: environment) do
    facts = Puppet::Node::Facts.new(NODE, base['facts'])
    node = Puppet::Node.new(NODE, facts: facts, environment: environment, parameters: base['facts'])
    node.add_server_facts('serverversion' => Puppet.version, 'servername' => NODE, 'serverip' => '127.0.0.1')
    node.trusted_data = { 'authenticated' => 'remote', 'certname' => NODE, 'extensions' => {}, 'hostname' => NODE,
                          'domain' => nil, 'external' => {} }
    catalog = Puppet::Parser::Compiler.compile(node)
    sentinel = !catalog.resource('Class', 'Slipway::Sentinel').nil?
    { 'name' => base['name'], 'sentinel' => sentinel, 'sources' => sources(catalog), 'packages' => packages(catalog),
      'archives' => archives?(catalog) }
  end
rescue StandardError, ScriptError => e
  fault(e).merge('name' => base['name'])
end

exit INVALID unless valid?(ask['manifests'])

bases = ask['bases'].map { |base| compile(base, home, ask['basemodulepath']) }
File.write("#{home}/answer", JSON.generate('puppet' => Puppet.version, 'bases' => bases))
