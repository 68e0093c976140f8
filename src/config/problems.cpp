#include "config/problems.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"

namespace mneme {
namespace {

/// Optimal string alignment distance: inserts, removals, changes and swaps of neighbours.
std::size_t edits(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

std::string last_part(const std::string& key) {
  return key.substr(key.rfind('.') + 1);
}

}  // namespace

void Problems::add(const Place& place, const std::string& text) {
  list_.push_back({place, text});
}

void Problems::refuse(const Place& place,
                      const std::string& key,
                      const std::string& value,
                      const std::string& why) {
  add(place, fmt::format("{} = {} is not allowed: {}", key, value, why));
}

void Problems::append(Problems other) {
  list_.insert(list_.end(), std::make_move_iterator(other.list_.begin()),
               std::make_move_iterator(other.list_.end()));
}

void Problems::throw_if_any() const {
  if (list_.empty()) return;
  std::vector<Problem> sorted = list_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    if ((a.place.line == 0) != (b.place.line == 0)) return b.place.line == 0;  // overrides last
    if (a.place.line == 0) return false;                                       // in the order given
    return std::pair(a.place.source, a.place.line) < std::pair(b.place.source, b.place.line);
  });
  std::vector<std::string> lines;
  lines.reserve(sorted.size());
  for (const Problem& p : sorted) lines.push_back(fmt::format("{}: {}", p.place.text(), p.text));
  fail(Fault::user, "{}", fmt::join(lines, "\n"));
}

std::string nearest(const std::string& name, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const std::string& c : candidates) {
    const std::size_t distance = edits(name, c);
    if (distance < least) {
      least = distance;
      best = c;
    }
  }
  return best;
}

std::string key_hint(const std::string& key,
                     const std::vector<std::string>& siblings,
                     const std::vector<std::string>& all_keys) {
  const std::string name = last_part(key);
  const std::string group =
      key.size() > name.size() ? key.substr(0, key.size() - name.size() - 1) : "";
  std::string best = nearest(name, siblings);
  if (!best.empty()) return fmt::format(", did you mean {}?", join_key(group, best));
  for (const std::string& other : all_keys) {
    if (last_part(other) == name) return fmt::format(", did you mean {}?", other);
  }
  best = nearest(key, all_keys);
  if (!best.empty()) return fmt::format(", did you mean {}?", best);
  return fmt::format("; {} {}",
                     group.empty() ? "the keys are" : fmt::format("the keys of {} are", group),
                     fmt::join(siblings, ", "));
}

}  // namespace mneme
