#include "data/json_text.h"

#include <utility>

#include <simdjson.h>

namespace mneme {

struct JsonText::State {
  std::string field;
  simdjson::dom::parser parser;
  std::string detail;
};

JsonText::JsonText(std::string field) : state_(std::make_unique<State>()) {
  state_->field = std::move(field);
}
JsonText::~JsonText() = default;

const std::string& JsonText::detail() const {
  return state_->detail;
}

JsonText::Found JsonText::extract(const std::string& line, std::string& text) {
  State& s = *state_;
  simdjson::dom::element root;
  const simdjson::error_code parsed = s.parser.parse(line).get(root);
  if (parsed != simdjson::SUCCESS) {
    s.detail = simdjson::error_message(parsed);
    return Found::bad_json;
  }
  std::string_view value;
  const bool is_pointer = s.field.starts_with('/');
  const simdjson::error_code got = is_pointer ? root.at_pointer(s.field).get_string().get(value)
                                              : root.at_key(s.field).get_string().get(value);
  if (got == simdjson::SUCCESS) {
    text = value;
    return Found::text;
  }
  s.detail.clear();
  simdjson::dom::object object;
  if (root.get_object().get(object) == simdjson::SUCCESS) {
    for (const auto& [key, unused] : object) {
      s.detail += (s.detail.empty() ? "" : ", ") + std::string(key);
    }
  }
  return Found::no_field;
}

}  // namespace mneme
