#include "data/inspect.h"

#include <algorithm>
#include <vector>

#include "base/amount.h"
#include "base/check.h"
#include "base/hash.h"

namespace mneme {

std::string describe_token_file(const TokenFile& file) {
  const TokenFileInfo& info = file.info();
  const double per_token = static_cast<double>(info.text_bytes) /
                           static_cast<double>(std::max<std::int64_t>(1, info.tokens));
  std::string text = fmt::format(
      "{}\n  {}, {} of {} bytes, {} of text ({:.2f} per token)\n"
      "  tokenizer {}, {}, hash {}\n  content {}\n",
      file.path().string(), counted(info.documents, "document"), counted(info.tokens, "token"),
      info.token_bytes(), counted(info.text_bytes, "byte"), per_token, info.tokenizer_kind,
      counted(info.vocab_size, "token"), hex(info.tokenizer_hash), hex(info.content_hash));
  for (const TokenOrigin& source : info.sources) {
    text += fmt::format("  from {} ({} bytes, {})\n", source.name, source.bytes, hex(source.hash));
  }
  return text;
}

std::string inspect_tokens(const TokenFile& file, std::int64_t at, std::int64_t count) {
  const auto tokenizer = file.tokenizer();
  std::int64_t document = file.document_of(at);
  const std::int64_t end = std::min(file.tokens(), at + count);
  std::string text;
  for (; at < end; ++document) {
    const Range range = file.document(document);
    const std::int64_t last = std::min(end, range.last);
    std::vector<std::int32_t> ids(size_of(last - at));
    file.read(at, ids);
    text += fmt::format("--- document {}, tokens {} to {} of it ({} in all)\n", document,
                        at - range.first, last - range.first - 1, range.count());
    text += tokenizer->decode(ids);
    text += last == range.last ? "\n[end of document]\n" : "\n";
    at = last;
  }
  return text;
}

}  // namespace mneme
