// SPDX-License-Identifier: MIT
#include "app/ini.hpp"

#include <sstream>

#include <doctest/doctest.h>

namespace troupe::app {
namespace {

// "2 s.k=text; ..." and then the errors, a line each.
std::string told(std::string_view text) {
  const auto document = read_ini(text, "f");
  std::ostringstream result;
  for (const auto& e : document.entries)
    result << e.line << ' ' << e.section << '.' << e.key << '=' << e.text << ';';
  for (const auto& e : document.errors) result << '\n' << e.text();
  return result.str();
}

TEST_CASE("an entry knows its section and its line") {
  CHECK(told("[s]\nk = v\n\n[t]\nk=w") == "2 s.k=v;5 t.k=w;");
}

TEST_CASE("blanks around names and values do not count") {
  CHECK(told(" [ s ] \n\t k \t=\t v w \t\n") == "2 s.k=v w;");
}

TEST_CASE("a byte order mark does not spoil line 1") {
  CHECK(told("\xef\xbb\xbf[s]\nk=v\n") == "2 s.k=v;");
}

TEST_CASE("line ends of Windows are line ends") {
  CHECK(told("[s]\r\nk=v\r\nl=w\r\n") == "2 s.k=v;3 s.l=w;");
}

TEST_CASE("comments are whole lines, or begin with a '#' after a blank") {
  CHECK(told("# a\n; b\n[s] # c\nk = v # d\nl = w\t#e\n") == "4 s.k=v;5 s.l=w;");
}

TEST_CASE("a '#' or ';' inside a word belongs to the value") {
  CHECK(told("[s]\nk = a#b; c#\n") == "2 s.k=a#b; c#;");
}

TEST_CASE("a value in double quotes is taken as it stands") {
  CHECK(told("[s]\nk = \" # a, \" # c\nl=\"\"\n") == "2 s.k= # a, ;3 s.l=;");
}

TEST_CASE("a value may be empty and may hold more '='") {
  CHECK(told("[s]\nk =\nl = a=b\nm = # nothing\n") == "2 s.k=;3 s.l=a=b;4 s.m=;");
}

TEST_CASE("empty sections are remembered, each once") {
  const auto document = read_ini("[s]\n[t]\n[s]\n", "f");
  REQUIRE(document.sections.size() == 2);
  CHECK(document.sections[0].name == "s");
  CHECK(document.sections[1].line == 2);
  CHECK(document.errors.empty());
}

TEST_CASE("a section may go on later, but a key stands once") {
  CHECK(told("[s]\nk=1\n[t]\n[s]\nl=2\nk=3\n") ==
        "2 s.k=1;5 s.l=2;\nf:6: s.k: given twice; line 2 has it too");
}

TEST_CASE("every wrong line is told, with its number") {
  CHECK(told("k = 1\n[s\n[s] x\n[?]\n[]\njunk\na b = 1\n= 1\n") ==
        "\nf:1: k: stands before the first [section]; it belongs to one"
        "\nf:2: '[s' lacks its ']'"
        "\nf:3: after ']' there is more: 'x'"
        "\nf:4: '?' is no section's name: letters, digits and _ make one"
        "\nf:5: '' is no section's name: letters, digits and _ make one"
        "\nf:6: 'junk' is neither 'key = value', '[section]' nor '# comment'"
        "\nf:7: 'a b' is no key's name: letters, digits and _ make one"
        "\nf:8: '' is no key's name: letters, digits and _ make one");
}

TEST_CASE("the keys of a section whose line is wrong are passed over") {
  CHECK(told("[s\nk = 1\n[t]\nk = 2\n") == "4 t.k=2;\nf:1: '[s' lacks its ']'");
}

TEST_CASE("quotes must close, and nothing may follow them") {
  CHECK(told("[s]\nk = \"a\nl = \"a\" b\n") ==
        "\nf:2: s.k: the value lacks its closing '\"'"
        "\nf:3: s.l: after the closing '\"' there is more: 'b'");
}

TEST_CASE("bytes that are no text are refused, and the message is safe to print") {
  using namespace std::string_view_literals;
  CHECK(told("[s]\nk = \0\n"sv) == "\nf:2: byte 0x00 in column 5 is not UTF-8 text");
  CHECK(told("[s]\nk\x1b[2J\n") == "\nf:2: byte 0x1b in column 2 is not UTF-8 text");
  CHECK(told("[s]\nk=\xc0\xaf\n") == "\nf:2: byte 0xc0 in column 3 is not UTF-8 text");
  CHECK(told("[s]\nk=\xed\xa0\x80\n") == "\nf:2: byte 0xed in column 3 is not UTF-8 text");
  CHECK(told("[s]\nk=\xf0\x9f\x99") == "\nf:2: byte 0xf0 in column 3 is not UTF-8 text");
  CHECK(told("[s]\n\xc3\xa9\n") ==
        "\nf:2: '\\xc3\\xa9' is neither 'key = value', '[section]' nor '# comment'");
  CHECK(told("[s]\nk=\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82\n") ==
        "2 s.k=\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82;");
}

TEST_CASE("a UTF-16 file is named as such") {
  CHECK(told("\xff\xfe[\0s\0") == "\nf:1: the file is UTF-16; save it as UTF-8");
}

TEST_CASE("what is too long is refused: a line, a file") {
  CHECK(told("[s]\nk=" + std::string(max_config_line, 'x')) ==
        "\nf:2: a line of 4098 bytes; the most is 4096");
  CHECK(told(std::string(max_config_size + 1, '\n')) ==
        "\nf:1: the file is larger than 1 MiB; no config file is");
}

TEST_CASE("an empty file has no errors of its own") {
  CHECK(told("") == "");
  CHECK(told("\n\n") == "");
}

}  // namespace
}  // namespace troupe::app
