# The part of #cloud-config that an appliance can use, and a map `slipway` with our own fields. Whatever else is asked for is
# named in one note.
module CloudConfig
  READ = %w[fqdn hostname ssh_authorized_keys users user ntp slipway].freeze
  # what the machine does anyway
  HELD = %w[manage_etc_hosts].freeze
  # what a user may have besides keys; it means nothing where there is only one login
  USER = %w[name gecos ssh_authorized_keys ssh-authorized-keys].freeze

  module_function

  def read(text, raw, notes)
    head = text.dup.force_encoding('UTF-8').scrub('?').lstrip
    unless /\A#cloud-config\s*$/.match?(head)
      notes << 'user-data: ignored: it does not begin with #cloud-config'
      return
    end
    data = Sources.guarded('user-data', notes) { Sources.yaml(text.dup.force_encoding('UTF-8')) }
    return unless data.is_a?(Hash)
    unused = Sources.wanting(data, READ + HELD)
    hostname(data, raw)
    keys(data, raw, unused)
    ntp(data['ntp'], raw, unused)
    own(data['slipway'], raw, unused)
    notes.concat(Sources.unused('user-data', unused))
  end

  def hostname(data, raw)
    return if data['preserve_hostname'] == true
    name = [data['fqdn'], data['hostname']].filter_map { |one| Sources.scalar(one) }.find { |one| !Values.blank?(one) }
    raw['hostname'] = name if name
  end

  # `user` is the distribution's own, `users` are more users: lists of maps and names, or a map by name
  def keys(data, raw, unused)
    users = data['users'].is_a?(Hash) ? data['users'].values : Array(data['users'])
    users = [data['user'], *users].grep(Hash)
    keys = Sources.strings(data['ssh_authorized_keys'])
    keys += users.flat_map { |user| Sources.strings(user['ssh_authorized_keys'] || user['ssh-authorized-keys']) }
    raw['admin_keys'] = Array(raw['admin_keys']) + keys
    unused.concat(users.flat_map { |user| Sources.wanting(user, USER).map { |key| "users.#{key}" } })
  end

  def ntp(ntp, raw, unused)
    return unless ntp.is_a?(Hash)
    return unused << 'ntp' if ntp['enabled'] == false
    raw['ntp'] = Sources.strings(ntp['servers']) + Sources.strings(ntp['pools'])
    unused.concat(Sources.wanting(ntp, %w[enabled servers pools]).map { |key| "ntp.#{key}" })
  end

  def own(own, raw, unused)
    return unless own.is_a?(Hash)
    Values::SETTABLE.each { |field| raw[field] = value(field, own[field]) if own.key?(field) }
    unused.concat(Sources.wanting(own, Values::SETTABLE).map { |key| "slipway.#{key}" })
  end

  def value(field, value) = Values::LISTS.include?(field) ? Sources.strings(value) : Sources.scalar(value)
end
