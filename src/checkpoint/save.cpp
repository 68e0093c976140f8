#include "checkpoint/save.h"

#include <array>
#include <chrono>
#include <optional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/build_info.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/math.h"
#include "base/scope.h"
#include "base/text_file.h"
#include "checkpoint/block_file.h"
#include "checkpoint/folder.h"
#include "checkpoint/outcome.h"
#include "checkpoint/writers.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;

constexpr const char* index_name = "index.h5";
/// What HDF5's metadata and the manifest may take per tensor and rank, beside the elements.
constexpr std::int64_t overhead_bytes = 4096;

/// One save: what the ranks know of each other, and the steps in order.
class Save {
 public:
  Save(Communicator& world, const SaveRequest& request)
      : agreement_(world),
        rank_(size_of(std::int64_t{world.rank()})),
        request_(&request),
        target_(request.folder / checkpoint_name(request.kind, request.step)),
        temporary_(temporary_path(target_)) {}

  SaveResult run() {
    SaveResult result{.ok = false, .message = {}, .path = target_, .bytes = 0, .state_hash = 0};
    agreement_.together([&] { check_items(); });
    exchange_boxes();
    std::optional<Problem> problem = agreement_.on(attempt([&] { make_folder(); }));
    if (!problem) problem = agreement_.on(attempt([&] { write_own_file(); }));
    if (!problem) collect_records();
    if (!problem) problem = agreement_.on(attempt([&] { commit(); }));
    if (problem) {
      discard();
      require(problem->fault != Fault::bug, Fault::bug, "{}", problem->message);
      result.message = fmt::format("{} could not be saved: {}", target_.string(), problem->message);
      return result;
    }
    result.ok = true;
    result.bytes = manifest_.bytes();
    result.state_hash = state_hash();
    return result;
  }

 private:
  bool is_first() const { return rank_ == 0; }

  void check_items() {
    std::set<std::string> names;
    for (const StateItem& item : request_->items) {
      require(!item.name.empty() && names.insert(item.name).second, Fault::bug,
              "the state item '{}' is given twice or has no name", item.name);
      own_boxes_.push_back(box_of(item, request_->position));
      require(item.local.device() == cpu_device, Fault::bug, "the state item {} is not on the host",
              item.name);
    }
  }

  /// Everybody learns who holds what.
  void exchange_boxes() {
    nlohmann::json mine = nlohmann::json::array();
    std::string list;
    for (std::size_t i = 0; i < own_boxes_.size(); ++i) {
      const StateItem& item = request_->items[i];
      list +=
          fmt::format("{} {} {}\n", item.name, enum_name(item.local.type()), to_string(item.shape));
      const Box& box = own_boxes_[i];
      for (int d = 0; d < box.start.rank(); ++d) {
        mine.push_back(box.start[d]);
        mine.push_back(box.count[d]);
      }
    }
    const std::vector<std::string> lists = agreement_.gather(hex(hash64(list)));
    for (std::size_t r = 0; r < lists.size(); ++r) {
      require(lists[r] == lists[0], Fault::bug, "rank {} saves other items than rank 0", r);
    }
    for (const std::string& text : agreement_.gather(mine.dump())) {
      boxes_.push_back(boxes_from(nlohmann::json::parse(text)));
    }
  }

  std::vector<Box> boxes_from(const nlohmann::json& numbers) const {
    std::vector<Box> boxes;
    std::size_t at = 0;
    for (const StateItem& item : request_->items) {
      Box box{item.shape, item.shape};
      for (int d = 0; d < item.shape.rank(); ++d) {
        box.start = box.start.with(d, numbers.at(at++).get<std::int64_t>());
        box.count = box.count.with(d, numbers.at(at++).get<std::int64_t>());
      }
      boxes.push_back(box);
    }
    return boxes;
  }

  void make_folder() {
    if (!is_first()) return;
    fs::create_directories(request_->folder);
    fs::remove_all(temporary_);
    const std::int64_t wanted = planned_bytes(request_->items) + index_and_metadata_bytes();
    const auto available = static_cast<std::int64_t>(fs::space(request_->folder).available);
    require(wanted <= available, Fault::machine,
            "it takes {} bytes, and {} has {} left: make room, or save elsewhere", wanted,
            request_->folder.string(), available);
    fs::create_directory(temporary_);
  }

  std::int64_t index_and_metadata_bytes() const {
    return overhead_bytes * (std::ssize(request_->items) + 4) *
           (1 + agreement_.world().size() / 16);
  }

  void write_own_file() {
    std::vector<BlockSource> sources;
    written_items_ = assign_writers(request_->items, boxes_).at(rank_);
    for (const std::size_t i : written_items_) {
      const StateItem& item = request_->items[i];
      sources.push_back({.dataset = "/" + item.name,
                         .type = item.local.type(),
                         .global = item.shape,
                         .box = own_boxes_[i],
                         .data = item.local.raw(),
                         .rows = item.rows});
    }
    if (sources.empty()) return;
    written_ = write_block_file(temporary_, fmt::format("rank_{:05}.h5", rank_), sources);
  }

  /// Rank 0's manifest gets the files and blocks of all ranks, in rank order.
  void collect_records() {
    nlohmann::json mine = {{"file", written_.file.name},
                           {"bytes", written_.file.bytes},
                           {"xxh3", written_.file.xxh3},
                           {"blocks", nlohmann::json::array()}};
    for (std::size_t i = 0; i < written_.blocks.size(); ++i) {
      const BlockRecord& b = written_.blocks[i];
      mine["blocks"].push_back({written_items_[i], b.dataset, b.offset, b.bytes, b.xxh3});
    }
    for (const StateItem& item : request_->items) {
      manifest_.items.push_back({item.name, item.local.type(), item.shape, {}});
    }
    const std::vector<std::string> all = agreement_.gather(mine.dump());
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
      const auto record = nlohmann::json::parse(all[rank]);
      const auto file = record.at("file").get<std::string>();
      if (file.empty()) continue;
      manifest_.files.push_back(
          {file, record.at("bytes").get<std::int64_t>(), record.at("xxh3").get<std::uint64_t>()});
      for (const auto& b : record.at("blocks")) {
        const auto item = b.at(0).get<std::size_t>();
        manifest_.items.at(item).blocks.push_back({.file = file,
                                                   .dataset = b.at(1).get<std::string>(),
                                                   .box = boxes_.at(rank).at(item),
                                                   .offset = b.at(2).get<std::int64_t>(),
                                                   .bytes = b.at(3).get<std::int64_t>(),
                                                   .xxh3 = b.at(4).get<std::uint64_t>()});
      }
    }
  }

  /// Everything that rank 0 does alone; the rename is the commit.
  void commit() {
    if (!is_first()) return;
    for (const FileRecord& f : manifest_.files) {  // files of other machines are seen from here
      const std::int64_t bytes = File::open_to_read(temporary_ / f.name, checkpoint_faults).size();
      require(bytes == f.bytes, Fault::machine, "{} has {} bytes, but its rank wrote {}", f.name,
              bytes, f.bytes);
    }
    manifest_.files.push_back(write_index_file(temporary_, index_name, manifest_.items));
    manifest_.kind = request_->kind;
    manifest_.step = request_->step;
    manifest_.ranks = agreement_.world().size();
    manifest_.meta = request_->meta;
    manifest_.writer = fmt::format("mneme {}", version);
    manifest_.time = fmt::format(
        "{:%Y-%m-%dT%H:%M:%SZ}",
        fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    manifest_.host = host.data();
    write_text(temporary_ / Manifest::file_name, to_text(manifest_));
    File::sync_folder(temporary_);
    const bool replaces = fs::exists(target_);
    if (replaces) {
      fs::remove_all(replaced_path(target_));
      fs::rename(target_, replaced_path(target_));
    }
    fs::rename(temporary_, target_);
    File::sync_folder(request_->folder);
    if (replaces) fs::remove_all(replaced_path(target_));
  }

  /// After a failure: what was there before is there again, as far as the disk still obeys.
  void discard() {
    if (!is_first()) return;
    std::error_code ignored;
    fs::remove_all(temporary_, ignored);
    if (!fs::exists(target_, ignored) && fs::exists(replaced_path(target_), ignored)) {
      fs::rename(replaced_path(target_), target_, ignored);
    }
  }

  /// Every rank has the records of all blocks.
  std::uint64_t state_hash() const {
    std::string all;
    for (const ItemRecord& item : manifest_.items) {
      all += item.name + "\n";
      for (const BlockRecord& b : item.blocks) all += to_string(b.box) + hex(b.xxh3) + "\n";
    }
    return hash64(all);
  }

  Agreement agreement_;
  std::size_t rank_;
  const SaveRequest* request_;
  fs::path target_;
  fs::path temporary_;
  std::vector<Box> own_boxes_;
  BoxTable boxes_;
  std::vector<std::size_t> written_items_;
  WrittenFile written_;
  Manifest manifest_;
};

}  // namespace

SaveResult save_checkpoint(Communicator& world, const SaveRequest& request) {
  const Scope scope("save_checkpoint", request.step);
  return Save(world, request).run();
}

std::int64_t planned_bytes(std::span<const StateItem> items) {
  std::int64_t sum = 0;
  for (const StateItem& item : items) {
    sum += narrow<std::int64_t>(byte_count(item.local.type(), item.shape));
  }
  return sum;
}

}  // namespace mneme
