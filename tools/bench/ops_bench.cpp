// Speed of the dense ops, each as FLOP/s or bytes/s and as the share ("of_roof") of what this
// machine was measured to reach in the same run: a large matrix product, or a large copy.
//   mneme_ops_bench --benchmark_filter=attention
#include <cstdint>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "kernels/act/silu_gate.h"
#include "kernels/attention/attention.h"
#include "kernels/blas/matmul.h"
#include "kernels/blas/matmul_backends.h"
#include "kernels/embedding/embedding.h"
#include "kernels/loss/cross_entropy.h"
#include "kernels/norm/rmsnorm.h"
#include "kernels/optim/adamw.h"
#include "kernels/rope/rope.h"
#include "kernels/util/elementwise.h"

#include "tools/bench/bench.h"

namespace mneme::bench {
namespace {

void add_matmuls(const Bench& bench) {
  struct Case {
    std::int64_t m, n, k;
    bool ta, tb, acc;
  };
  for (const Case& c : std::vector<Case>{{4096, 128, 128, false, true, false},
                                         {4096, 512, 128, false, true, false},
                                         {4096, 128, 512, false, false, false},
                                         {128, 512, 4096, true, false, true},
                                         {512, 8192, 128, false, true, false},
                                         {2048, 768, 768, false, true, false},
                                         {2048, 2048, 768, false, true, false},
                                         {768, 2048, 2048, true, false, true},
                                         {1, 768, 768, false, true, false}}) {
    for (const bool blocked : {false, true}) {
      const std::string name = std::string(blocked ? "matmul_blocked" : "matmul") +
                               sizes({c.m, c.n, c.k}) + (c.ta ? "_ta" : "") + (c.tb ? "_tb" : "") +
                               (c.acc ? "_acc" : "");
      bench.add(name, [=](Room& room) {
        const Matmul p{.a = room.f32(c.ta ? Shape{c.k, c.m} : Shape{c.m, c.k}),
                       .b = room.f32(c.tb ? Shape{c.n, c.k} : Shape{c.k, c.n}),
                       .c = room.f32({c.m, c.n}),
                       .transpose_a = c.ta,
                       .transpose_b = c.tb,
                       .accumulate = c.acc};
        const cpu::MatmulProblem q{.m = c.m,
                                   .n = c.n,
                                   .k = c.k,
                                   .a = p.a.ptr<const float>(),
                                   .b = p.b.ptr<const float>(),
                                   .c = p.c.ptr<float>(),
                                   .transpose_a = c.ta,
                                   .transpose_b = c.tb,
                                   .accumulate = c.acc};
        return Prepared{{.flop = matmul_flop(p)}, [=, &room] {
                          blocked ? cpu::matmul_blocked(room.ex(), q) : matmul(room.ex(), p);
                        }};
      });
    }
  }
  bench.add("column_sum/4096x768", [](Room& room) {
    const ColumnSum p{.x = room.f32({4096, 768}), .out = room.f32({768})};
    return Prepared{{.bytes = static_cast<double>(p.x.bytes())},
                    [=, &room] { column_sum(room.ex(), p); }};
  });
}

/// FLOP of causal attention: two products forward, five backward, of the pairs that are seen.
double attention_flop(std::int64_t tokens,
                      std::int64_t length,
                      std::int64_t heads,
                      std::int64_t w) {
  return 2.0 * static_cast<double>(tokens * (length + 1) / 2 * heads * w);
}

void add_attention(const Bench& bench) {
  struct Case {
    std::int64_t tokens, length, query_heads, kv_heads, width;
  };
  for (const Case& c : std::vector<Case>{{4096, 256, 4, 4, 32},
                                         {4096, 32, 4, 4, 32},
                                         {4096, 1024, 4, 4, 64},
                                         {4096, 1024, 8, 2, 64},
                                         {4096, 4096, 2, 2, 128},
                                         {4096, 1024, 4, 4, 16}}) {
    const std::string size = sizes({c.tokens, c.length, c.query_heads, c.kv_heads, c.width});
    const auto qkv_of = [=](Room& room) {
      return room.f32({c.tokens, c.query_heads + 2 * c.kv_heads, c.width});
    };
    const auto first_of = [=](Room& room) {
      return room.i32({c.tokens}, [=](std::int32_t t) {
        return static_cast<std::int32_t>(t / c.length * c.length);
      });
    };
    bench.add("attention_forward" + size, [=](Room& room) {
      const AttentionForward p{.qkv = qkv_of(room),
                               .first = first_of(room),
                               .out = room.f32({c.tokens, c.query_heads, c.width}),
                               .lse = room.f32({c.tokens, c.query_heads}),
                               .query_heads = static_cast<int>(c.query_heads),
                               .kv_heads = static_cast<int>(c.kv_heads),
                               .scale = 0.125F};
      return Prepared{{.flop = 2 * attention_flop(c.tokens, c.length, c.query_heads, c.width)},
                      [=, &room] { attention_forward(room.ex(), p); }};
    });
    bench.add("attention_backward" + size, [=](Room& room) {
      const AttentionBackward p{.dout = room.f32({c.tokens, c.query_heads, c.width}),
                                .qkv = qkv_of(room),
                                .first = first_of(room),
                                .out = room.f32({c.tokens, c.query_heads, c.width}),
                                .lse = room.f32({c.tokens, c.query_heads}),
                                .dqkv = qkv_of(room),
                                .query_heads = static_cast<int>(c.query_heads),
                                .kv_heads = static_cast<int>(c.kv_heads),
                                .scale = 0.125F};
      return Prepared{{.flop = 5 * attention_flop(c.tokens, c.length, c.query_heads, c.width)},
                      [=, &room] { attention_backward(room.ex(), p); }};
    });
  }
}

void add_rows(const Bench& bench, std::int64_t tokens, std::int64_t channels) {
  const double tensor = 4.0 * static_cast<double>(tokens * channels);
  const Shape shape{tokens, channels};
  const std::string size = sizes({tokens, channels});
  bench.add("rmsnorm_forward" + size, [=](Room& room) {
    const RmsNormForward p{.x = room.f32(shape),
                           .weight = room.f32({channels}),
                           .y = room.f32(shape),
                           .rstd = room.f32({tokens})};
    return Prepared{{.bytes = 2 * tensor}, [=, &room] { rmsnorm_forward(room.ex(), p); }};
  });
  bench.add("rmsnorm_backward" + size, [=](Room& room) {
    const RmsNormBackward p{.dy = room.f32(shape),
                            .x = room.f32(shape),
                            .weight = room.f32({channels}),
                            .rstd = room.f32({tokens}),
                            .dx = room.f32(shape),
                            .dweight = room.f32({channels})};
    return Prepared{{.bytes = 3 * tensor}, [=, &room] { rmsnorm_backward(room.ex(), p); }};
  });
  bench.add("silu_gate_forward" + size, [=](Room& room) {
    const SiluGateForward p{.y = room.f32(shape), .u = room.f32(shape), .z = room.f32(shape)};
    return Prepared{{.bytes = 3 * tensor}, [=, &room] { silu_gate_forward(room.ex(), p); }};
  });
  bench.add("silu_gate_backward" + size, [=](Room& room) {
    const SiluGateBackward p{.dz = room.f32(shape),
                             .y = room.f32(shape),
                             .u = room.f32(shape),
                             .dy = room.f32(shape),
                             .du = room.f32(shape)};
    return Prepared{{.bytes = 5 * tensor}, [=, &room] { silu_gate_backward(room.ex(), p); }};
  });
  bench.add("rope" + size, [=](Room& room) {
    const Rope p{.x = room.f32({tokens, channels / 32, 32}),
                 .positions = room.i32({tokens}, [](std::int32_t t) { return t % 256; }),
                 .rotated = static_cast<int>(channels / 32)};
    return Prepared{{.bytes = 2 * tensor}, [=, &room] { rope(room.ex(), p); }};
  });
}

void add_rest(const Bench& bench) {
  for (const std::int64_t vocabulary : {8192, 32000}) {
    constexpr std::int64_t tokens = 1024;
    const double tensor = 4.0 * static_cast<double>(tokens * vocabulary);
    bench.add("cross_entropy" + sizes({tokens, vocabulary}), [=](Room& room) {
      const CrossEntropy p{.logits = room.f32({tokens, vocabulary}),
                           .targets = room.i32({tokens}, [](std::int32_t t) { return t; }),
                           .loss = room.f32({tokens}),
                           .lse = room.f32({tokens}),
                           .scale = 0.001F,
                           .gradient = true};
      return Prepared{{.bytes = 2 * tensor}, [=, &room] { cross_entropy(room.ex(), p); }};
    });
  }
  const double tensor = 4.0 * 4096 * 128;
  const auto ids = [](std::int32_t t) { return t * 7919 % 8192; };
  bench.add("embedding_forward/4096x128", [=](Room& room) {
    const EmbeddingForward p{.table = room.f32({8192, 128}),
                             .tokens = room.i32({4096}, ids),
                             .out = room.f32({4096, 128})};
    return Prepared{{.bytes = 2 * tensor}, [=, &room] { embedding_forward(room.ex(), p); }};
  });
  bench.add("embedding_backward/4096x128", [=](Room& room) {
    const EmbeddingBackward p{.dout = room.f32({4096, 128}),
                              .tokens = room.i32({4096}, ids),
                              .dtable = room.f32({8192, 128})};
    return Prepared{{.bytes = 3 * tensor}, [=, &room] { embedding_backward(room.ex(), p); }};
  });
  constexpr std::int64_t n = 1 << 24;
  bench.add("adamw" + sizes({n}), [=](Room& room) {
    const AdamW p{.weight = room.f32({n}),
                  .grad = room.f32({n}),
                  .m = room.f32({n}),
                  .v = room.f32({n}),
                  .step = {.lr = 1e-3, .weight_decay = 0.1}};
    return Prepared{{.bytes = 7 * 4.0 * n}, [=, &room] { adamw(room.ex(), p); }};
  });
  bench.add("add_to" + sizes({n}), [=](Room& room) {
    const View x = room.f32({n}), y = room.f32({n});
    return Prepared{{.bytes = 3 * 4.0 * n}, [=, &room] { add_to(room.ex(), x, y); }};
  });
  bench.add("sum_squares" + sizes({n}), [=](Room& room) {
    const View x = room.f32({n});
    return Prepared{{.bytes = 4.0 * n},
                    [=, &room] { benchmark::DoNotOptimize(sum_squares(room.ex(), x)); }};
  });
}

}  // namespace
}  // namespace mneme::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const int threads : {1, 2}) {
    const mneme::bench::Roof roof = mneme::bench::measure_roof(threads);
    fmt::print("{} threads: {:.1f} GFLOP/s of a matrix product, {:.1f} GB/s of a copy\n", threads,
               roof.flop / 1e9, roof.bytes / 1e9);
    const mneme::bench::Bench bench(threads, roof);
    add_matmuls(bench);
    add_attention(bench);
    add_rows(bench, 4096, 512);
    add_rows(bench, 4096, 4096);
    add_rest(bench);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
