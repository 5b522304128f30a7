# Reads Hiera's files as Puppet will: with Psych, and with no class but Symbol (Puppet::Util::Yaml.safe_load).
# stdin: [[path, text], ...]; stdout: [[path, line, fact], ...].
require 'json'
require 'yaml'

KEYS = Psych::ScalarScanner.new(Psych::ClassLoader.new)

# What a scalar becomes, as far as keys and refused classes go.
def value(node)
  return node.value if node.quoted || node.tag
  KEYS.tokenize(node.value)
rescue StandardError
  node.value
end

# What may make an object, and where.
TAGS = []
# Names that aliases may use from here on.
ANCHORS = []

def walk(node, faults)
  line = node.start_line + 1
  if node.is_a?(Psych::Nodes::Alias)
    faults << [line, "the alias *#{node.anchor} stands for nothing"] unless ANCHORS.include?(node.anchor)
    return
  end
  ANCHORS << node.anchor if node.anchor
  TAGS << [line, node.tag] if node.tag && !node.tag.match?(/\A(!|tag:yaml\.org,2002:(str|int|float|bool|null|seq|map|binary))\z/)
  case node
  when Psych::Nodes::Scalar
    kind = value(node).class.name
    unless node.quoted || %w[String Symbol Integer Float TrueClass FalseClass NilClass].include?(kind)
      faults << [line, "#{node.value.inspect} is read as a #{kind}, which Puppet refuses: write it in quotes"]
    end
  when Psych::Nodes::Mapping
    seen = {}
    node.children.each_slice(2) do |key, _|
      next unless key.is_a?(Psych::Nodes::Scalar)
      name = value(key)
      next if name == '<<'
      faults << [key.start_line + 1, 'a key is empty'] if name.nil?
      if seen.key?(name)
        faults << [key.start_line + 1, "the key #{key.value.inspect} is there twice, the last one would win"]
      end
      seen[name] = true
    end
  end
  (node.children || []).each { |child| walk(child, faults) }
end

def faults(text)
  documents = Psych.parse_stream(text).children
  return [[documents[1].start_line + 1, 'a second document begins, which Hiera does not read']] if documents.size > 1
  root = documents.first&.root
  return [] if root.nil?
  found = []
  TAGS.clear
  ANCHORS.clear
  walk(root, found)
  return found unless found.empty?
  read = YAML.safe_load(text, permitted_classes: [Symbol], aliases: true)
  return [] if read.is_a?(Hash) || read.nil? || read == false
  [[root.start_line + 1, "Hiera's data is not a mapping: begin with `key: value`"]]
rescue Psych::DisallowedClass => e
  line, tag = TAGS.first
  [[line || 1, "#{tag || 'a value'} makes an object, which Puppet refuses: #{e.message}"]]
rescue Psych::SyntaxError => e
  [[e.line, "not valid YAML: #{[e.problem, e.context].compact.join(' ')}"]]
rescue Psych::Exception, ArgumentError, SystemStackError => e
  [[1, "not readable: #{e.message.lines.first.to_s.strip}"]]
end

files = JSON.parse($stdin.read)
puts JSON.generate(files.flat_map { |path, text| faults(text).map { |line, fact| [path, line, fact] } })
