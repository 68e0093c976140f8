#include "data/loader.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "base/scope.h"

namespace mneme {

std::int64_t samples_per_rank(const LoaderOptions& o) {
  require(o.ranks > 0 && o.rank >= 0 && o.rank < o.ranks, Fault::bug, "rank {} of {}", o.rank,
          o.ranks);
  require(o.micro_batches > 0 && o.global_batch > 0, Fault::user,
          "a step of {} samples in {} micro-batches; both must be at least 1", o.global_batch,
          o.micro_batches);
  const std::int64_t parts = o.ranks * o.micro_batches;
  const std::int64_t below = o.global_batch / parts * parts;
  const std::string nearest =
      below == 0 ? std::to_string(parts) : fmt::format("{} or {}", below, below + parts);
  require(o.global_batch == below, Fault::user,
          "a global batch of {} samples does not divide over {} ranks with {} micro-batches each; "
          "the nearest that do: {}",
          o.global_batch, o.ranks, o.micro_batches, nearest);
  return o.global_batch / parts;
}

namespace {

StepBatch read_share(const SampleOrder& order, const LoaderOptions& o, std::int64_t first_sample) {
  const Scope scope("data.read_step", first_sample / o.global_batch);
  const SampleRules rules{order.sequence(), order.info().eos, o.document_mask};
  const std::int64_t share = samples_per_rank(o);
  StepBatch step;
  step.first_sample = first_sample;
  std::vector<std::int32_t> tokens;
  for (std::int64_t m = 0; m < o.micro_batches; ++m) {
    Batch& batch = step.micro.emplace_back();
    for (std::int64_t i = 0; i < share; ++i) {
      const std::int64_t g = first_sample + (m * o.ranks + o.rank) * share + i;
      order.read(g, tokens);
      append_sample(rules, tokens, batch);
      step.ids_hash += hash64(std::as_bytes(std::span(tokens)), static_cast<std::uint64_t>(g));
    }
    step.target_count += batch.target_count;
  }
  return step;
}

}  // namespace

Loader::Loader(std::shared_ptr<const SampleOrder> order, const LoaderOptions& options)
    : order_(std::move(order)), options_(options) {
  samples_per_rank(options_);
}

Loader::~Loader() = default;  // an unfinished std::async future waits for its thread

StepBatch Loader::next() {
  const auto read = [order = order_, options = options_](std::int64_t first) {
    return read_share(*order, options, first);
  };
  if (!ahead_.valid()) ahead_ = std::async(std::launch::async, read, next_sample_);
  StepBatch step = ahead_.get();  // throws what the thread threw
  next_sample_ += options_.global_batch;
  ahead_ = std::async(std::launch::async, read, next_sample_);
  return step;
}

StepBatch Loader::read_step(std::int64_t first_sample) const {
  return read_share(*order_, options_, first_sample);
}

LoaderState Loader::state() const {
  auto data = nlohmann::ordered_json::parse(order_->fingerprint());
  data["document_mask"] = options_.document_mask;
  return {next_sample_, data.dump()};
}

void Loader::seek(std::int64_t next_sample) {
  require(next_sample >= 0, Fault::bug, "sample {} of the run", next_sample);
  if (ahead_.valid()) ahead_.wait();
  ahead_ = {};
  next_sample_ = next_sample;
}

void Loader::restore(const LoaderState& saved) {
  const auto differences = fingerprint_differences(saved.fingerprint, state().fingerprint);
  std::string list;
  for (const std::string& line : differences) list += "\n  " + line;
  require(differences.empty(), Fault::checkpoint,
          "the checkpoint's place in the data ({} samples) means nothing for the data of this run, "
          "which differs:{}\n  restore the old data, or start a new run",
          saved.next_sample, list);
  seek(saved.next_sample);
}

std::string Loader::show_step(std::int64_t step,
                              const Tokenizer& tokenizer,
                              std::int64_t max_samples) const {
  require(tokenizer.hash() == order_->info().tokenizer_hash, Fault::user,
          "the tokenizer ({}) is not the one that made the tokens ({})", hex(tokenizer.hash()),
          hex(order_->info().tokenizer_hash));
  const std::int64_t batch = options_.global_batch;
  std::string text;
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < std::min(batch, max_samples); ++i) {
    const std::int64_t g = step * batch + i;
    const SampleOrder::Place place = order_->at(g);
    order_->read(g, tokens);
    text += fmt::format("--- step {}, sample {} of {}: source '{}', epoch {}, tokens {} to {}\n",
                        step, i, batch, order_->name(place.source), place.epoch,
                        place.sample * order_->sequence(),
                        place.sample * order_->sequence() + std::ssize(tokens) - 1);
    std::span<const std::int32_t> rest(tokens);
    while (!rest.empty()) {
      const auto end = std::find(rest.begin(), rest.end(), order_->info().eos);
      const auto n = static_cast<std::size_t>(end - rest.begin());
      text += tokenizer.decode(rest.first(n));
      text += end == rest.end() ? "\n" : "\n[end of document]\n";
      rest = rest.subspan(std::min(n + 1, rest.size()));
    }
  }
  return text;
}

}  // namespace mneme
