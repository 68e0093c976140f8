#pragma once

#include <string>

#include "config/schema.h"

namespace mneme {

/// The page that documents a config: the number forms, then one table per group with key, type,
/// default, unit, allowed values and description, and the rules across keys.
std::string markdown_text(const SchemaInfo& info, const std::string& title);

template <Config C>
std::string to_markdown(const std::string& title) {
  return markdown_text(schema_of<C>().info(), title);
}

}  // namespace mneme
