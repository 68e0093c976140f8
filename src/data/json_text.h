#pragma once

#include <memory>
#include <string>

namespace mneme {

/// Takes the text out of a line of JSON. For one thread.
class JsonText {
 public:
  /// `field`: a key of the outermost object, or a JSON pointer ("/meta/text").
  explicit JsonText(std::string field);
  ~JsonText();
  JsonText(const JsonText&) = delete;
  JsonText& operator=(const JsonText&) = delete;

  enum class Found { text, no_field, bad_json };
  /// The field's text, when it is there and is a string. `line` is well-formed UTF-8.
  Found extract(const std::string& line, std::string& text);
  /// After no_field: the keys of the line's object. After bad_json: what is wrong.
  const std::string& detail() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mneme
