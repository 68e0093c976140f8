#include "checkpoint/outcome.h"

#include <algorithm>
#include <array>
#include <exception>
#include <numeric>
#include <span>

#include <fmt/format.h>

#include "base/amount.h"
#include "base/math.h"
#include "comm/agree.h"
#include "tensor/view.h"

namespace mneme {
namespace {

/// Address space for the temporaries of small collectives; pages cost memory once they are used.
constexpr std::size_t scratch_bytes = std::size_t{64} << 20;

ConstView bytes_of(const std::string& text) {
  return {std::as_bytes(std::span(text)).data(), DType::u8, {std::ssize(text)}, cpu_device};
}

}  // namespace

std::optional<Problem> attempt(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& e) {
    return Problem{e.fault(), e.what()};
  } catch (const std::exception& e) {
    return Problem{Fault::machine, e.what()};
  }
  return std::nullopt;
}

Agreement::Agreement(Communicator& world)
    : world_(&world),
      scratch_("checkpoint", scratch_bytes, cpu_device),
      ex_{.device = cpu_device, .scratch = scratch_} {}

std::vector<std::string> Agreement::gather(const std::string& mine) {
  const auto ranks = size_of(std::int64_t{world_->size()});
  const std::vector<std::int64_t> my_length{std::ssize(mine)};
  std::vector<std::int64_t> lengths(ranks);
  world_
      ->all_gather(view_of<std::int64_t>(std::span(my_length), {1}),
                   view_of<std::int64_t>(std::span(lengths), {world_->size()}), ex_)
      .wait();
  const std::int64_t total = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  std::string all(size_of(total), '\0');
  const View whole(std::as_writable_bytes(std::span(all)).data(), DType::u8, {total}, cpu_device);
  world_->all_gather_rows(bytes_of(mine), whole, lengths, ex_).wait();
  std::vector<std::string> texts;
  std::size_t at = 0;
  for (const std::int64_t length : lengths) {
    texts.push_back(all.substr(at, size_of(length)));
    at += size_of(length);
  }
  return texts;
}

std::optional<Problem> Agreement::on(const std::optional<Problem>& mine) {
  // One letter for the fault, then the message; nothing where all went well.
  const auto coded = [](const Problem& p) {
    return static_cast<char>('0' + static_cast<int>(p.fault)) + p.message;
  };
  const std::vector<std::string> texts = gather(mine ? coded(*mine) : "");
  if (!texts[0].empty() && std::all_of(texts.begin(), texts.end(),
                                       [&](const std::string& text) { return text == texts[0]; })) {
    return mine;
  }
  std::optional<Problem> first;
  int others = 0;
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    const std::string& text = texts[rank];
    if (text.empty()) continue;
    if (first) {
      ++others;
      continue;
    }
    first = Problem{static_cast<Fault>(text[0] - '0'),
                    fmt::format("[rank {}] {}", rank, text.substr(1))};
  }
  if (others > 0)
    first->message +=
        fmt::format(" (and {} a problem)", counted(others, "more rank has", "more ranks have"));
  return first;
}

void Agreement::together(const std::function<void()>& work) {
  if (const auto problem = on(attempt(work))) fail(problem->fault, "{}", problem->message);
}

bool Agreement::any(bool mine) {
  std::array<std::int64_t, 1> most{mine ? 1 : 0};
  agree_on_max(*world_, most, ex_);
  return most[0] != 0;
}

std::string Agreement::from_first(const std::string& mine) {
  std::vector<std::int64_t> length{std::ssize(mine)};
  world_->broadcast(view_of<std::int64_t>(std::span(length), {1}), 0, ex_).wait();
  std::string text = world_->rank() == 0 ? mine : std::string(size_of(length[0]), '\0');
  world_
      ->broadcast(
          View(std::as_writable_bytes(std::span(text)).data(), DType::u8, {length[0]}, cpu_device),
          0, ex_)
      .wait();
  return text;
}

}  // namespace mneme
