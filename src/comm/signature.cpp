#include "comm/signature.h"

#include <algorithm>

#include "base/hash.h"
#include "base/scope.h"

namespace mneme {

Signature Signature::of(const std::string& what) {
  const std::string whole = what + " in " + Scope::path();
  Signature s;
  s.hash = hash64(whole);
  const std::size_t kept = std::min(whole.size(), s.text.size() - 1);  // the rest stays zero
  std::copy_n(whole.begin(), kept, s.text.begin());
  return s;
}

std::string Signature::shown() const {
  return std::string(text.data());
}

}  // namespace mneme
