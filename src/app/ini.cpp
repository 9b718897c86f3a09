// SPDX-License-Identifier: MIT
#include "app/ini.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>

#include "app/text.hpp"

namespace troupe::app {
namespace {

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 100 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// How many bytes the UTF-8 character at the front has; 0 when it is none, or a control character.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(0);
  if (first < 0x80) return (first >= ' ' && first != 0x7f) || first == '\t';
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const auto second = byte(1);
  const bool too_long = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool no_scalar = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return too_long || no_scalar ? 0 : length;
}

std::optional<std::string> not_text(std::string_view line) {
  for (std::size_t i = 0; i < line.size();) {
    const auto length = character(line.substr(i));
    if (length == 0) {
      char reason[80];
      std::snprintf(reason, sizeof reason, "byte 0x%02x in column %zu is not UTF-8 text",
                    static_cast<unsigned>(static_cast<unsigned char>(line[i])), i + 1);
      return reason;
    }
    i += length;
  }
  return std::nullopt;
}

std::string_view without_comment(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '#' && (i == 0 || is_blank(text[i - 1]))) return trim(text.substr(0, i));
  return trim(text);
}

class reader {
public:
  explicit reader(const std::string& file) : file_(file) {}

  void read_line(std::string_view line) {
    ++line_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > max_config_line)
      return complain("", "a line of " + std::to_string(line.size()) + " bytes; the most is " +
                              std::to_string(max_config_line));
    if (const auto reason = not_text(line)) return complain("", *reason);
    line = trim(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') return;
    line.front() == '[' ? read_section(without_comment(line)) : read_entry(line);
  }

  void complain(std::string key, std::string reason) {
    result.errors.push_back(
        {file_ + ":" + std::to_string(std::max<std::size_t>(line_, 1)), std::move(key), reason});
  }

  ini_document result;

private:
  void read_section(std::string_view line) {
    section_.clear();
    in_section_ = true;
    const auto end = line.find(']');
    if (end == line.npos) return complain("", quoted(line) + " lacks its ']'");
    if (end + 1 != line.size())
      return complain("", "after ']' there is more: " + quoted(trim(line.substr(end + 1))));
    const auto name = trim(line.substr(1, end - 1));
    if (!is_name(name))
      return complain("", quoted(name) + " is no section's name: letters, digits and _ make one");
    section_ = name;
    if (std::none_of(result.sections.begin(), result.sections.end(),
                     [&](const auto& s) { return s.name == section_; }))
      result.sections.push_back({section_, line_});
  }

  void read_entry(std::string_view line) {
    const auto equals = line.find('=');
    if (equals == line.npos)
      return complain("", quoted(without_comment(line)) +
                              " is neither 'key = value', '[section]' nor '# comment'");
    const auto key = trim(line.substr(0, equals));
    if (!is_name(key))
      return complain("", quoted(key) + " is no key's name: letters, digits and _ make one");
    if (!in_section_)
      return complain(std::string(key), "stands before the first [section]; it belongs to one");
    if (section_.empty()) return;  // its section's line was wrong, and that was said
    const auto path = section_ + "." + std::string(key);
    const auto [first, is_new] = seen_.emplace(path, line_);
    if (!is_new)
      return complain(path, "given twice; line " + std::to_string(first->second) + " has it too");
    if (auto text = read_value(trim(line.substr(equals + 1)), path))
      result.entries.push_back({section_, std::string(key), std::move(*text), line_});
  }

  std::optional<std::string> read_value(std::string_view text, const std::string& path) {
    if (!text.starts_with('"')) return std::string(without_comment(text));
    const auto end = text.find('"', 1);
    if (end == text.npos) {
      complain(path, "the value lacks its closing '\"'");
      return std::nullopt;
    }
    const auto rest = trim(text.substr(end + 1));
    if (!rest.empty() && rest.front() != '#') {
      complain(path, "after the closing '\"' there is more: " + quoted(rest));
      return std::nullopt;
    }
    return std::string(text.substr(1, end - 1));
  }

  const std::string& file_;
  std::size_t line_ = 0;
  bool in_section_ = false;
  std::string section_;  // empty also after a section line that was wrong
  std::map<std::string, std::size_t> seen_;
};

}  // namespace

ini_document read_ini(std::string_view text, const std::string& file) {
  reader r(file);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    r.complain("", "the file is UTF-16; save it as UTF-8");
  } else if (text.size() > max_config_size) {
    r.complain("", "the file is larger than 1 MiB; no config file is");
  } else {
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      r.read_line(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }
  return std::move(r.result);
}

}  // namespace troupe::app
