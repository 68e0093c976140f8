#include "data/prepare_journal.h"

#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "base/math.h"
#include "base/text_file.h"
#include "data/loader_state.h"

namespace mneme {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 2> split_names = {"training", "validation"};

Json counts_to_json(const PrepareCounts& c) {
  return {{"documents", c.documents},
          {"tokens", c.tokens},
          {"text_bytes", c.text_bytes},
          {"empty_documents", c.empty_documents},
          {"missing_field", c.missing_field},
          {"bad_json", c.bad_json},
          {"malformed_bytes", c.malformed_bytes},
          {"malformed_documents", c.malformed_documents}};
}

PrepareCounts counts_from_json(const Json& j) {
  return {.documents = j.at("documents"),
          .tokens = j.at("tokens"),
          .text_bytes = j.at("text_bytes"),
          .empty_documents = j.at("empty_documents"),
          .missing_field = j.at("missing_field"),
          .bad_json = j.at("bad_json"),
          .malformed_bytes = j.at("malformed_bytes"),
          .malformed_documents = j.at("malformed_documents")};
}

std::string to_text(const PrepareState& s) {
  Json j = {{"version", 1}, {"inputs", Json::parse(s.inputs)}};
  j["position"] = {{"file", s.position.file},
                   {"offset", s.position.offset},
                   {"line", s.position.line},
                   {"is_inside_document", s.position.is_inside_document},
                   {"document_hash", s.position.document_hash}};
  j["origins"] = Json::array();
  for (const TokenOrigin& o : s.origins) {
    j["origins"].push_back({{"name", o.name}, {"bytes", o.bytes}, {"hash", o.hash}});
  }
  j["counts"] = counts_to_json(s.counts);
  j["first_keys"] = s.first_keys;
  for (const SplitState& split : s.splits) {
    j["splits"].push_back({{"tokens", split.tokens},
                           {"documents", split.documents},
                           {"text_bytes", split.text_bytes}});
  }
  j["is_complete"] = s.is_complete;
  return j.dump(1, ' ', false, Json::error_handler_t::replace);
}

PrepareState from_text(const std::string& text) {
  const Json j = Json::parse(text);
  PrepareState s;
  s.inputs = j.at("inputs").dump();
  const Json& p = j.at("position");
  s.position = {.file = p.at("file"),
                .offset = p.at("offset"),
                .line = p.at("line"),
                .is_inside_document = p.at("is_inside_document"),
                .document_hash = p.at("document_hash")};
  for (const Json& o : j.at("origins")) {
    s.origins.push_back({o.at("name"), o.at("bytes"), o.at("hash")});
  }
  s.counts = counts_from_json(j.at("counts"));
  s.first_keys = j.at("first_keys");
  for (std::size_t i = 0; i < 2; ++i) {
    const Json& split = j.at("splits").at(i);
    s.splits.at(i) = {split.at("tokens"), split.at("documents"), split.at("text_bytes")};
  }
  s.is_complete = j.at("is_complete");
  return s;
}

std::optional<PrepareState> read_journal(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    return from_text(read_text(path));
  } catch (const nlohmann::json::exception& e) {
    fail(Fault::data, "'{}' is damaged ({}); start again with restart", path.string(),
         std::string(e.what()));
  }
}

void check_same_inputs(const std::filesystem::path& folder,
                       const std::string& saved,
                       const std::string& now) {
  std::string list;
  for (const std::string& line : fingerprint_differences(saved, now)) list += "\n  " + line;
  require(list.empty(), Fault::user,
          "'{}' holds an interrupted preparation of something else:{}\n  finish it with its own "
          "options, or drop it with restart",
          folder.string(), list);
}

}  // namespace

PrepareFolder::PrepareFolder(std::filesystem::path folder, std::string inputs, bool restart)
    : folder_(std::move(folder)) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  require(!error, Fault::machine, "the folder '{}' cannot be made: {}", folder_.string(),
          error.message());
  lock_.emplace(folder_, "mneme prep");
  if (restart) std::filesystem::remove(folder_ / "journal.json");
  auto found = read_journal(folder_ / "journal.json");
  if (found) {
    check_same_inputs(folder_, found->inputs, inputs);
    state_ = std::move(*found);
    resumed_ = has_journal_ = true;
  }
  state_.inputs = std::move(inputs);
  open_files();
}

PrepareFolder::~PrepareFolder() {
  if (!has_journal_) remove();
}

std::filesystem::path PrepareFolder::tokens_path(int split) const {
  return folder_ / fmt::format("{}.tokens", split_names.at(static_cast<std::size_t>(split)));
}
std::filesystem::path PrepareFolder::documents_path(int split) const {
  return folder_ / fmt::format("{}.documents", split_names.at(static_cast<std::size_t>(split)));
}

void PrepareFolder::open_files() {
  const auto open = resumed_ ? OutputFile::Open::append : OutputFile::Open::fresh;
  const std::int64_t width = Json::parse(state_.inputs).at("token_bytes");
  for (int split = 0; split < 2; ++split) {
    const SplitState& s = state_.splits.at(static_cast<std::size_t>(split));
    const std::array wanted = {s.tokens * width, s.documents * 8};
    const std::array paths = {tokens_path(split), documents_path(split)};
    for (std::size_t i = 0; i < 2; ++i) {
      OutputFile& file = files_.emplace_back(paths.at(i), open);
      require(file.size() >= wanted.at(i), Fault::data,
              "'{}' has {} bytes, its journal says {}: it was changed; start again with restart",
              paths.at(i).string(), file.size(), wanted.at(i));
      if (file.size() > wanted.at(i)) file.truncate(wanted.at(i));
    }
  }
}

void PrepareFolder::append(int split,
                           std::span<const std::byte> tokens,
                           std::int64_t count,
                           bool ends_document) {
  const auto index = static_cast<std::size_t>(split);
  SplitState& s = state_.splits.at(index);
  files_[2 * index].append(tokens);
  s.tokens += count;
  if (!ends_document) return;
  const auto end = static_cast<std::uint64_t>(s.tokens);
  files_[2 * index + 1].append(std::as_bytes(std::span(&end, 1)));
  ++s.documents;
}

void PrepareFolder::commit() {
  for (OutputFile& file : files_) file.sync();
  write_text_atomically(folder_ / "journal.json", to_text(state_));
  has_journal_ = true;
}

void PrepareFolder::remove() {
  files_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace mneme
