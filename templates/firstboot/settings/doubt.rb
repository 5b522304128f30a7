# If the machine's own processes can write a source once the machine is in use, what it says waits for a person. VMware's
# guestinfo is such a source: any user of the guest may set it (vmware/open-vm-tools#288), so a compromised web application
# could bring a key of its own for `admin` and wait for the next start. A disc is only written outside.
require 'fileutils'
require 'json'

class Doubt
  NOTE = 'ovf-guestinfo: it changed while the machine was in use, where any process can write it: sudo slipway-settings shows it'.freeze

  def initialize(root) = @file = "#{root}/run/slipway/inputs-held.json"

  # Whether this source is left out: only what was agreed to before keeps its rank above discs and seeds.
  def holds?(found, apply)
    return false unless apply.doubted?(found.name)
    found.name != apply.source || new?(found, apply)
  end

  # Leaves what is held for `slipway-settings`, unless the machine has it by now; returns the notes.
  def keep(held, apply)
    settle
    held = held.select { |one| new?(one, apply) && (one.says? || one.name == apply.source) }
    held.filter_map do |one|
      good, refused, = Values.check(one.raw)
      next if good.empty? && one.says?
      File.write(@file, JSON.generate('source' => one.name, 'good' => good, 'refused' => refused), perm: 0o600)
      NOTE
    end
  end

  # what is waiting: source, good values, refused fields; nil if nothing is
  def waiting
    data = JSON.parse(File.read(@file))
    [data['source'], data['good'], data['refused']]
  rescue Errno::ENOENT
    nil
  end

  def settle = FileUtils.rm_f(@file)

  private

  def new?(found, apply)
    good, refused, = Values.check(found.raw)
    apply.wanted(good, refused) != apply.values
  end
end
