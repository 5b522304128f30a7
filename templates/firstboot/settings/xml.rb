# A small XML reader, because no XML library is in every base. It accepts elements, attributes, text, CDATA, comments and the
# entities that XML itself defines. A document type is refused: what it declares can grow without end, or name files.
require 'strscan'

class Xml
  class Malformed < StandardError; end

  Node = Struct.new(:name, :attributes, :children, :text) do
    # children of this local name
    def all(name) = children.select { |child| child.name == name }

    # the first descendant of this local name
    def find(name)
      children.each do |child|
        return child if child.name == name
        found = child.find(name)
        return found if found
      end
      nil
    end
  end

  # far more levels than any environment has, and few enough for the stack
  DEEPEST = 64
  NAME = /[[:alpha:]_][[:alnum:]_.-]*(?::[[:alpha:]_][[:alnum:]_.-]*)?/
  ENTITIES = { 'lt' => '<', 'gt' => '>', 'amp' => '&', 'quot' => '"', 'apos' => "'" }.freeze
  # XML 1.0, production 2: a zero byte or an escape is not a character of a document, however it is written
  CHARACTER = /\A[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*\z/

  # The root element. Names are local ones: an environment's author chooses the prefixes.
  def self.parse(text) = new(text).root

  def initialize(text)
    raise Malformed, 'it is not UTF-8 text' unless text.valid_encoding? && CHARACTER.match?(text)
    @scanner = StringScanner.new(text)
  end

  def root
    @top = Node.new('', {}, [], +'')
    @open = [@top]
    one_token until @scanner.eos?
    raise Malformed, "the element #{@open.last.name} is not closed" if @open.size > 1
    raise Malformed, 'it needs one element around everything' unless @top.children.size == 1 && @top.text.strip.empty?
    @top.children.first
  end

  private

  def one_token
    s = @scanner
    if s.scan(/[^<]+/) then @open.last.text << decode(s.matched)
    elsif s.skip(/<!--.*?-->/m) || s.skip(/<\?.*?\?>/m) then nil
    elsif s.scan(/<!\[CDATA\[(.*?)\]\]>/m) then @open.last.text << s[1]
    elsif s.scan(%r{</(#{NAME})\s*>}o) then close(local(s[1]))
    elsif s.scan(/<(#{NAME})/o) then open(local(s[1]))
    else raise Malformed, 'something in it is not an element, a comment or text'
    end
  end

  def open(name)
    raise Malformed, 'its elements are nested too deeply' if @open.size > DEEPEST
    node = Node.new(name, {}, [], +'')
    while @scanner.scan(/\s+(#{NAME})\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/o)
      node.attributes[local(@scanner[1])] = decode(@scanner[2] || @scanner[3])
    end
    raise Malformed, "the element #{name} does not end" unless @scanner.scan(%r{\s*(/)?>})
    @open.last.children << node
    @open << node unless @scanner[1]
  end

  def close(name)
    raise Malformed, "the element #{name} ends where it does not begin" unless @open.size > 1 && @open.last.name == name
    @open.pop
  end

  def local(name) = name.split(':').last

  def decode(text)
    text.gsub(/&([^;&]{0,12};?)/) do
      name = Regexp.last_match(1)
      case name
      when /\A#x(\h{1,6});\z/ then character(Regexp.last_match(1).hex)
      when /\A#(\d{1,7});\z/ then character(Regexp.last_match(1).to_i)
      else ENTITIES.fetch(name.delete_suffix(';')) { raise Malformed, 'it uses an entity that XML does not define' }
      end
    end
  end

  def character(code)
    one = [code].pack('U')
    return one if one.valid_encoding? && CHARACTER.match?(one)
    raise Malformed, 'it contains a character that XML does not allow'
  rescue RangeError
    raise Malformed, 'it contains a character that XML does not allow'
  end
end
