#include "data/prepare.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/amount.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/math.h"
#include "base/scope.h"
#include "data/prepare_journal.h"
#include "data/token_file_writer.h"
#include "data/tokenise_batch.h"

namespace mneme {
namespace {

constexpr std::int64_t batch_bytes = 1 << 20;  // of text that one thread tokenises at a time

/// Everything the output depends on, as JSON.
std::string describe_inputs(const PrepareOptions& o,
                            const TextFiles& files,
                            const TokenFileInfo& info) {
  nlohmann::ordered_json j = {{"tokenizer_hash", hex(info.tokenizer_hash)},
                              {"token_bytes", info.token_bytes()},
                              {"field", o.text.field},
                              {"documents", enum_name(o.text.documents)},
                              {"malformed", enum_name(o.malformed)},
                              {"skip_bad_json", o.skip_bad_json},
                              {"validation_fraction", o.validation_fraction}};
  j["files"] = nlohmann::ordered_json::array();
  for (const TextFile& f : files.files) {
    const auto changed = std::filesystem::last_write_time(f.path).time_since_epoch().count();
    j["files"].push_back({{"name", f.path.string()}, {"bytes", f.bytes}, {"changed", changed}});
  }
  return j.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

TokenFileInfo describe_tokenizer(const Tokenizer& tokenizer) {
  TokenFileInfo info;
  info.tokenizer_kind = tokenizer.kind();
  info.tokenizer_model = tokenizer.model();
  info.tokenizer_hash = tokenizer.hash();
  info.vocab_size = tokenizer.vocab_size();
  info.eos = tokenizer.eos();
  return info;
}

void add_counts(const PrepareCounts& from, PrepareCounts& to) {
  to.documents += from.documents;
  to.tokens += from.tokens;
  to.text_bytes += from.text_bytes;
  to.empty_documents += from.empty_documents;
  to.missing_field += from.missing_field;
  to.bad_json += from.bad_json;
  to.malformed_bytes += from.malformed_bytes;
  to.malformed_documents += from.malformed_documents;
}

template <class Stored>
std::vector<std::byte> as_stored(std::span<const std::int32_t> ids) {
  std::vector<Stored> stored(ids.size());
  std::transform(ids.begin(), ids.end(), stored.begin(),
                 [](std::int32_t id) { return static_cast<Stored>(id); });
  const auto bytes = std::as_bytes(std::span(stored));
  return {bytes.begin(), bytes.end()};
}

/// Text to raw tokens: this thread reads and writes, others tokenise; batches are written in order.
class Pipeline {
 public:
  Pipeline(const PrepareOptions& options,
           const TextFiles& files,
           const Tokenizer& tokenizer,
           PrepareFolder& folder)
      : options_(options),
        folder_(folder),
        reader_(files.files, options.text.documents, folder.state().position),
        earlier_origins_(folder.state().origins),
        token_bytes_(describe_tokenizer(tokenizer).token_bytes()),
        total_bytes_(files.bytes()),
        tokens_before_(folder.state().counts.tokens) {
    rules_ = {.tokenizer = &tokenizer,
              .field = options.text.field,
              .malformed = options.malformed,
              .skip_bad_json = options.skip_bad_json,
              .validation_fraction = options.validation_fraction,
              .file_names = {}};
    for (const TextFile& f : files.files) rules_.file_names.push_back(f.path.string());
    const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    threads_ = options.threads > 0 ? options.threads : cores;
  }

  /// False when `progress` asked to stop.
  bool run(const PrepareCallback& progress) {
    bool more = true;
    while (more || !ahead_.empty()) {
      if (more) more = start_batch();
      if (ahead_.empty() || (more && std::ssize(ahead_) <= threads_)) continue;
      write_batch();
      if (!progress) continue;
      if (!progress(now())) {
        folder_.commit();
        return false;
      }
    }
    folder_.state().is_complete = true;
    take_place(reader_.position(), reader_.disk_bytes(), std::ssize(reader_.origins()));
    folder_.commit();
    return true;
  }

 private:
  struct Ahead {
    std::future<TokenisedBatch> batch;
    TextPosition position;  // of the reader after it
    std::int64_t disk_bytes = 0;
    std::int64_t origins = 0;  // files that were read to their end then
  };

  bool start_batch() {
    std::vector<TextRecord> records;
    std::int64_t bytes = 0;
    TextRecord record;
    while (bytes < batch_bytes && reader_.next(record)) {
      bytes += std::ssize(record.text) + 16;
      records.push_back(std::move(record));
    }
    if (records.empty()) return false;
    Ahead ahead{.batch = {},
                .position = reader_.position(),
                .disk_bytes = reader_.disk_bytes(),
                .origins = std::ssize(reader_.origins())};
    ahead.batch = std::async(std::launch::async, [this, moved = std::move(records)]() mutable {
      const Scope scope("prep.tokenise");
      return tokenise_batch(rules_, std::move(moved));
    });
    ahead_.push_back(std::move(ahead));
    return true;
  }

  void write_batch() {
    Ahead ahead = std::move(ahead_.front());
    ahead_.pop_front();
    const TokenisedBatch batch = ahead.batch.get();
    PrepareState& state = folder_.state();
    std::span<const std::int32_t> rest(batch.tokens);
    for (const TokenisedPiece& piece : batch.pieces) {
      const int split = piece.is_validation ? 1 : 0;
      const auto ids = rest.first(size_of(piece.tokens));
      rest = rest.subspan(size_of(piece.tokens));
      const auto stored =
          token_bytes_ == 2 ? as_stored<std::uint16_t>(ids) : as_stored<std::uint32_t>(ids);
      folder_.append(split, stored, piece.tokens, piece.is_last);
      state.splits.at(static_cast<std::size_t>(split)).text_bytes += piece.text_bytes;
    }
    add_counts(batch.counts, state.counts);
    if (state.first_keys.empty()) state.first_keys = batch.first_keys;
    const std::int64_t before = disk_bytes_;
    take_place(ahead.position, ahead.disk_bytes, ahead.origins);
    uncommitted_ += disk_bytes_ - before;
    if (uncommitted_ >= options_.commit_bytes) {
      folder_.commit();
      uncommitted_ = 0;
    }
  }

  void take_place(const TextPosition& position, std::int64_t disk_bytes, std::int64_t origins) {
    PrepareState& state = folder_.state();
    state.position = position;
    state.origins = earlier_origins_;
    state.origins.insert(state.origins.end(), reader_.origins().begin(),
                         reader_.origins().begin() + origins);
    disk_bytes_ = disk_bytes;
  }

  PrepareProgress now() const {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    const PrepareCounts& counts = folder_.state().counts;
    return {disk_bytes_, total_bytes_, counts, passed.count(), counts.tokens - tokens_before_};
  }

  const PrepareOptions& options_;
  PrepareFolder& folder_;
  TextReader reader_;
  std::vector<TokenOrigin> earlier_origins_;
  TokeniseRules rules_;
  int threads_ = 1;
  std::int64_t token_bytes_;
  std::int64_t total_bytes_;
  std::int64_t tokens_before_;
  std::int64_t disk_bytes_ = 0;
  std::int64_t uncommitted_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::deque<Ahead> ahead_;  // last: its threads use what is above, so they must end first
};

/// Raw tokens and ends of documents to a token file.
void write_output(const PrepareFolder& folder,
                  int split,
                  TokenFileInfo info,
                  const std::filesystem::path& path) {
  const SplitState& s = folder.state().splits.at(static_cast<std::size_t>(split));
  info.tokens = s.tokens;
  info.documents = s.documents;
  info.text_bytes = s.text_bytes;
  info.sources = folder.state().origins;
  TokenFileWriter writer(path, info);
  std::vector<std::byte> bytes(1 << 20);
  const File tokens = File::open_to_read(folder.tokens_path(split));
  for (std::int64_t at = 0; at < s.tokens * info.token_bytes(); at += std::ssize(bytes)) {
    bytes.resize(size_of(std::min(std::ssize(bytes), s.tokens * info.token_bytes() - at)));
    tokens.read_at(at, bytes);
    writer.append_tokens(bytes);
  }
  const std::uint64_t zero = 0;
  writer.append_offsets({&zero, 1});
  std::vector<std::uint64_t> ends(1 << 17);
  const File documents = File::open_to_read(folder.documents_path(split));
  for (std::int64_t at = 0; at < s.documents; at += std::ssize(ends)) {
    ends.resize(size_of(std::min(std::ssize(ends), s.documents - at)));
    documents.read_at(at * 8, std::as_writable_bytes(std::span(ends)));
    writer.append_offsets(ends);
  }
  writer.commit();
}

/// After the last text: there must be something to train on.
void check_found(const PrepareOptions& options, PrepareFolder& folder, const TextFiles& inputs) {
  const PrepareState state = folder.state();
  if (state.splits[0].documents > 0) return;
  folder.remove();
  const PrepareCounts& c = state.counts;
  require(c.missing_field == 0 || c.documents > 0, Fault::data,
          "there is no text field '{}' in {} of JSON; hint: --field NAME, {}", options.text.field,
          counted(c.missing_field, "line"), state.first_keys);
  fail(Fault::data,
       "no documents to train on in '{}'{}: {}, {}, {} that fell to "
       "validation; name files with text in them{}",
       inputs.files.front().path.string(),
       inputs.files.size() > 1 ? " and " + counted(std::ssize(inputs.files) - 1, "more file") : "",
       counted(c.empty_documents, "empty one"),
       counted(c.bad_json, "line that is no JSON", "lines that are no JSON"),
       state.splits[1].documents,
       state.splits[1].documents > 0 ? ", or a smaller share for validation" : "");
}

void check_options(const PrepareOptions& o) {
  require(!o.output.empty(), Fault::user, "no output: name the token file to write");
  require(std::isfinite(o.validation_fraction) && o.validation_fraction >= 0 &&
              o.validation_fraction < 1,
          Fault::user, "validation_fraction = {}, wanted 0 or more and less than 1",
          o.validation_fraction);
  require(o.threads >= 0, Fault::user, "threads = {}, wanted 0 (all cores) or more", o.threads);
}

}  // namespace

std::filesystem::path validation_path(const std::filesystem::path& output) {
  auto path = output;
  return path.replace_extension(".validation" + output.extension().string());
}

PrepareResult prepare_text(const PrepareOptions& options, const PrepareCallback& progress) {
  const Scope scope("prep.text");
  check_options(options);
  const TextFiles files = list_text_files(options.text.inputs);
  const auto tokenizer = load_tokenizer(options.tokenizer);
  const TokenFileInfo info = describe_tokenizer(*tokenizer);
  const auto validation = validation_path(options.output);
  std::filesystem::path folder_path = options.output;
  folder_path += ".tmp";
  if (!options.overwrite && !std::filesystem::exists(folder_path / "journal.json")) {
    for (const auto& path : {options.output, validation}) {
      require(!std::filesystem::exists(path), Fault::user,
              "the output '{}' is already there; name another, or replace it: --overwrite",
              path.string());
    }
  }
  PrepareFolder folder(folder_path, describe_inputs(options, files, info), options.restart);
  PrepareResult result;
  result.resumed = folder.resumed();
  result.ignored_files = files.ignored;
  if (!folder.state().is_complete) {
    result.interrupted = !Pipeline(options, files, *tokenizer, folder).run(progress);
  }
  const PrepareState& state = folder.state();
  result.counts = state.counts;
  result.validation_documents = state.splits[1].documents;
  result.validation_tokens = state.splits[1].tokens;
  if (result.interrupted) return result;
  check_found(options, folder, files);
  result.training = options.output;
  write_output(folder, 0, info, options.output);
  std::error_code ignored;
  std::filesystem::remove(validation, ignored);  // an old one, when overwriting
  if (state.splits[1].documents > 0) {
    result.validation = validation;
    write_output(folder, 1, info, validation);
  }
  folder.remove();
  return result;
}

}  // namespace mneme
