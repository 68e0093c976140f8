#include "tensor/view.h"

#include <functional>

namespace mneme {

void require_tensor(ConstView v, DType type, const Shape& shape, const char* op, const char* name) {
  require(v.given(), Fault::bug, "{}: {} is missing", op, name);
  require(v.type() == type && v.shape() == shape, Fault::bug, "{}: {} is {} {}, wanted {} {}", op,
          name, enum_name(v.type()), to_string(v.shape()), enum_name(type), to_string(shape));
}

void require_apart(ConstView a, ConstView b, const char* op, const char* names) {
  if (a.data() == nullptr || b.data() == nullptr) return;  // measuring
  const std::less_equal<> before;
  const bool apart =
      before(a.data() + a.bytes(), b.data()) || before(b.data() + b.bytes(), a.data());
  require(apart, Fault::bug, "{}: {} share memory", op, names);
}

}  // namespace mneme
