#include "kernels/memory/key_grads.h"
#include "kernels/memory/pk_lookup.h"

#include "base/scope.h"

namespace mneme {

void PkLookupBackward::validate() const {
  const char* op = "pk_lookup_backward";
  require(q1.shape().rank() == 3 && keys1.shape().rank() == 3 && rows.shape().rank() == 3,
          Fault::bug, "{}: q1, keys1 and rows have three dimensions each", op);
  const Shape query = q1.shape();
  const Shape keys = keys1.shape();
  require(keys[0] == query[1] && keys[2] == query[2], Fault::bug,
          "{}: keys1 {} do not fit q1 {}, wanted (H, N, E) and (T, H, E)", op, to_string(keys),
          to_string(query));
  const Shape slots{query[0], query[1], rows.extent(2)};
  require(slots[2] >= 1, Fault::bug, "{}: no slots per head, wanted at least one", op);
  require_tensor(dscores, DType::f32, slots, op, "dscores");
  require_tensor(rows, DType::i32, slots, op, "rows");
  require_tensor(q1, DType::f32, query, op, "q1");
  require_tensor(q2, DType::f32, query, op, "q2");
  require_tensor(keys1, DType::f32, keys, op, "keys1");
  require_tensor(keys2, DType::f32, keys, op, "keys2");
  require_tensor(dq1, DType::f32, query, op, "dq1");
  require_tensor(dq2, DType::f32, query, op, "dq2");
  require_tensor(dkeys1, DType::f32, keys, op, "dkeys1");
  require_tensor(dkeys2, DType::f32, keys, op, "dkeys2");
  require_apart(dq1, q1, op, "dq1 and q1");
  require_apart(dq2, q2, op, "dq2 and q2");
}

void pk_lookup_backward(Exec& ex, const PkLookupBackward& a) {
  const Scope scope("pk_lookup_backward");
  a.validate();
  if (ex.cost != nullptr) {  // queries and keys of both halves, for the rows that were read alone
    ex.cost->matmul_flop +=
        8.0 * static_cast<double>(a.q1.count()) * static_cast<double>(a.rows.extent(2));
  }
  const bool data = !ex.measuring();
  cpu::KeyGrads g{.tokens = a.q1.extent(0),
                  .heads = a.q1.extent(1),
                  .best = a.rows.extent(2),
                  .count = a.keys1.extent(1),
                  .width = a.q1.extent(2),
                  .scale = a.scale};
  if (data) {
    g.dscores = a.dscores.ptr<const float>();
    g.rows = a.rows.ptr<const std::int32_t>();
    g.q = a.q1.ptr<const float>();
    g.keys = a.keys1.ptr<const float>();
    g.dq = a.dq1.ptr<float>();
    g.dkeys = a.dkeys1.ptr<float>();
  }
  g.divisor = g.count;
  cpu::key_grads(ex, g);
  if (data) {
    g.q = a.q2.ptr<const float>();
    g.keys = a.keys2.ptr<const float>();
    g.dq = a.dq2.ptr<float>();
    g.dkeys = a.dkeys2.ptr<float>();
  }
  g.divisor = 1;
  cpu::key_grads(ex, g);
}

void FlatLookupBackward::validate() const {
  const char* op = "flat_lookup_backward";
  require(q.shape().rank() == 3 && keys.shape().rank() == 3 && rows.shape().rank() == 3, Fault::bug,
          "{}: q, keys and rows have three dimensions each", op);
  const Shape query = q.shape();
  require(keys.extent(0) == query[1] && keys.extent(2) == query[2], Fault::bug,
          "{}: keys {} do not fit q {}, wanted (H, R, D) and (T, H, D)", op,
          to_string(keys.shape()), to_string(query));
  const Shape slots{query[0], query[1], rows.extent(2)};
  require(slots[2] >= 1, Fault::bug, "{}: no slots per head, wanted at least one", op);
  require_tensor(dscores, DType::f32, slots, op, "dscores");
  require_tensor(rows, DType::i32, slots, op, "rows");
  require_tensor(q, DType::f32, query, op, "q");
  require_tensor(keys, DType::f32, keys.shape(), op, "keys");
  require_tensor(dq, DType::f32, query, op, "dq");
  require_tensor(dkeys, DType::f32, keys.shape(), op, "dkeys");
  require_apart(dq, q, op, "dq and q");
}

void flat_lookup_backward(Exec& ex, const FlatLookupBackward& a) {
  const Scope scope("flat_lookup_backward");
  a.validate();
  if (ex.cost != nullptr) {  // queries and keys, for the rows that were read alone
    ex.cost->matmul_flop +=
        4.0 * static_cast<double>(a.q.count()) * static_cast<double>(a.rows.extent(2));
  }
  cpu::KeyGrads g{.tokens = a.q.extent(0),
                  .heads = a.q.extent(1),
                  .best = a.rows.extent(2),
                  .count = a.keys.extent(1),
                  .width = a.q.extent(2),
                  .scale = a.scale};
  if (!ex.measuring()) {
    g.dscores = a.dscores.ptr<const float>();
    g.rows = a.rows.ptr<const std::int32_t>();
    g.q = a.q.ptr<const float>();
    g.keys = a.keys.ptr<const float>();
    g.dq = a.dq.ptr<float>();
    g.dkeys = a.dkeys.ptr<float>();
  }
  cpu::key_grads(ex, g);
}

}  // namespace mneme
