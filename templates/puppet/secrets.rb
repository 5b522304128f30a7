# frozen_string_literal: true

# What came from a secret, and how to hide it in a text. Hidden are the machine's own secrets, every value of the customer's
# profile, and the values of the keys that the site's lookup_options turn into Sensitive; each also as shells, URLs,
# Ruby and base64 spell it. Puppet itself keeps what is Sensitive out of its messages, but not what a command prints.
require 'cgi'
require 'shellwords'
require 'yaml'

# See above.
module Secrets
  OWN = '/var/lib/slipway/secrets/*'
  CUSTOMER = '/etc/slipway/hiera/customer.yaml'
  DATA = %w[data/**/*.{yaml,yml} modules/*/data/**/*.{yaml,yml}].freeze
  # a shorter one is a word that any message may have
  SHORTEST = 4
  MASK = '[secret]'
  # words by which a command line or a statement shows that a secret follows
  WORD = '[\w-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key)'
  VALUE = /"[^"]*"|'[^']*'|[^\s"'&,;]+/
  TOLD = /(#{WORD}["']?\s*[=:]\s*|--#{WORD}\s+|\bpassword\s+(?=["']))(?:#{VALUE})/i
  SHORT_OPTION = /(\s-p)(?:#{VALUE})/
  # a digest that may come from a secret, but not a file's checksum
  DERIVED = /(?<![{}\h])\h{32,}(?!\h)/

  module_function

  # the machine's own: these must not be in any file either
  def own
    Dir.glob(OWN).select { |file| File.file?(file) }.flat_map { |file| read(file).lines.map(&:strip) }
       .select { |line| line.length >= 8 }.uniq
  end

  # all of them, in every spelling; `code` is the environment's folder
  def all(code)
    values = own + leaves(plain(CUSTOMER)) + sensitive(code)
    values.flat_map { |value| [value, *value.lines.map(&:strip)] }.select { |value| value.length >= SHORTEST }
          .uniq.flat_map { |value| spellings(value) }.uniq.sort_by { |value| -value.length }
  end

  # a function that hides `values`, and what looks like a secret
  def hider(values)
    known = Regexp.union(values)
    lambda do |text|
      text = text.gsub(known, MASK) unless values.empty?
      text.gsub(TOLD) { "#{Regexp.last_match(1)}#{MASK}" }.gsub(SHORT_OPTION) { "#{Regexp.last_match(1)}#{MASK}" }
          .gsub(DERIVED, MASK)
    end
  end

  def spellings(value)
    quoted = value.gsub(/[\\'"]/) { |letter| "\\#{letter}" }
    [value, value.inspect[1..-2], quoted, Shellwords.escape(value), CGI.escape(value), CGI.escape(value).gsub('+', '%20'),
     [value].pack('m0').sub(/=+\z/, '')]
  end

  # the site's values of the keys that it marks; a pattern begins with ^ (Puppet's own rule)
  def sensitive(code)
    files = DATA.flat_map { |pattern| Dir.glob("#{code}/#{pattern}") }.map { |file| plain(file) }
    marks = files.flat_map { |data| marked(data['lookup_options']) }
    files.flat_map { |data| data.select { |key, _| marks.any? { |mark| mark === key.to_s } }.values }.flat_map { |v| leaves(v) }
  end

  def marked(options)
    return [] unless options.is_a?(Hash)

    kept = options.select { |_, how| how.is_a?(Hash) && Array(how['convert_to']).first.to_s.include?('Sensitive') }
    kept.keys.map { |key| key.to_s.start_with?('^') ? Regexp.new(key.to_s) : key.to_s }
  rescue RegexpError
    []
  end

  def leaves(value)
    case value
    when Hash then value.values.flat_map { |one| leaves(one) }
    when Array then value.flat_map { |one| leaves(one) }
    when String, Numeric then [value.to_s.gsub("%{literal('%')}", '%')]
    else []
    end
  end

  def read(path)
    File.read(path, encoding: 'UTF-8').scrub('?')
  rescue SystemCallError
    ''
  end

  # YAML whose tags are ignored: plain hashes, arrays and scalars.
  def plain(path)
    document = Psych.parse(read(path))
    return {} unless document

    document.each { |node| node.tag = nil if node.respond_to?(:tag=) }
    value = document.to_ruby
    value.is_a?(Hash) ? value : {}
  rescue Psych::Exception
    {}
  end
end
