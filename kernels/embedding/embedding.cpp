#include "kernels/embedding/embedding.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "kernels/checks.h"
#include "kernels/parallel.h"
#include "kernels/util/elementwise_loops.h"

#include "base/scope.h"

namespace mneme {
namespace {

/// Tokens are data: refused by value, before any thread follows one.
void require_tokens(ConstView tokens, std::int64_t vocabulary, const char* op) {
  const std::span<const std::int32_t> ids = tokens.span<const std::int32_t>();
  const auto bad = std::find_if(ids.begin(), ids.end(),
                                [=](std::int32_t id) { return id < 0 || id >= vocabulary; });
  require(
      bad == ids.end(), Fault::data,
      "{}: token {} of the batch has the id {}, the vocabulary has {} ids; hint: the tokens were "
      "made with another tokenizer",
      op, bad - ids.begin(), bad == ids.end() ? 0 : *bad, vocabulary);
}

}  // namespace

void EmbeddingForward::validate() const {
  require(table.given() && table.shape().rank() == 2, Fault::bug,
          "embedding_forward: table is {}, wanted (V, C)", to_string(table.shape()));
  require(tokens.given() && tokens.shape().rank() == 1, Fault::bug,
          "embedding_forward: tokens is {}, wanted (T)", to_string(tokens.shape()));
  require_f32(table, "embedding_forward", "table");
  require_tensor(tokens, DType::i32, tokens.shape(), "embedding_forward", "tokens");
  require_tensor(out, DType::f32, {tokens.extent(0), table.extent(1)}, "embedding_forward", "out");
  require_apart(table, out, "embedding_forward", "table and out");
}

void embedding_forward(Exec& ex, const EmbeddingForward& a) {
  const Scope scope("embedding_forward");
  a.validate();
  if (ex.measuring()) return;
  require_tokens(a.tokens, a.table.extent(0), "embedding_forward");
  const std::int64_t channels = a.table.extent(1);
  const float* table = a.table.ptr<const float>();
  const std::int32_t* tokens = a.tokens.ptr<const std::int32_t>();
  float* out = a.out.ptr<float>();
  cpu::parallel_blocks(ex, a.tokens.count(), cpu::tokens_per_thread(channels),
                       [=](std::int64_t first, std::int64_t last, int) {
                         for (std::int64_t t = first; t < last; ++t) {
                           std::memcpy(out + t * channels, table + tokens[t] * channels,
                                       size_of(channels) * sizeof(float));
                         }
                       });
}

void EmbeddingBackward::validate() const {
  require(dtable.given() && dtable.shape().rank() == 2, Fault::bug,
          "embedding_backward: dtable is {}, wanted (V, C)", to_string(dtable.shape()));
  require(tokens.given() && tokens.shape().rank() == 1, Fault::bug,
          "embedding_backward: tokens is {}, wanted (T)", to_string(tokens.shape()));
  require_f32(dtable, "embedding_backward", "dtable");
  require_tensor(tokens, DType::i32, tokens.shape(), "embedding_backward", "tokens");
  require_tensor(dout, DType::f32, {tokens.extent(0), dtable.extent(1)}, "embedding_backward",
                 "dout");
  require_apart(dout, dtable, "embedding_backward", "dout and dtable");
}

/// Threads share the columns, in whole cache lines, so that each walks all tokens in order.
void embedding_backward(Exec& ex, const EmbeddingBackward& a) {
  const Scope scope("embedding_backward");
  a.validate();
  if (ex.measuring()) return;
  require_tokens(a.tokens, a.dtable.extent(0), "embedding_backward");
  constexpr std::int64_t line = 16;  // elements of a cache line
  const std::int64_t channels = a.dtable.extent(1);
  const std::int64_t tokens = a.tokens.count();
  const float* dout = a.dout.ptr<const float>();
  const std::int32_t* ids = a.tokens.ptr<const std::int32_t>();
  float* dtable = a.dtable.ptr<float>();
  cpu::parallel_blocks(
      ex, ceil_div(channels, line), [=](std::int64_t first, std::int64_t last, int) {
        const std::int64_t start = first * line;
        const std::size_t n = size_of(std::min(last * line, channels) - start);
        for (std::int64_t t = 0; t < tokens; ++t) {
          cpu::add_elements(n, dout + t * channels + start, dtable + ids[t] * channels + start);
        }
      });
}

}  // namespace mneme
