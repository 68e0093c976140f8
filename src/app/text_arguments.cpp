#include "app/text_arguments.h"

namespace mneme {

void add_text_arguments(CLI::App& command, TextSelection& text) {
  command.add_option(
      "INPUT", text.inputs,
      "text files: .txt or .jsonl, plain or followed by .gz or .zst; a folder stands for all such "
      "files in it");
  command
      .add_option("--field", text.field,
                  "where the text of a JSON line is: a key, or a JSON pointer such as /meta/text")
      ->capture_default_str();
  add_enum_option(command, "--documents", text.documents,
                  "what a document of a .txt file is (a line of .jsonl always is one)");
}

}  // namespace mneme
