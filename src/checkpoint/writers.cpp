#include "checkpoint/writers.h"

#include <algorithm>

#include "tensor/view.h"

namespace mneme {
namespace {

/// A box and the ranks that hold it.
struct Piece {
  std::size_t item = 0;
  std::size_t bytes = 0;
  std::vector<std::size_t> holders;
};

std::vector<Piece> pieces_of(std::span<const StateItem> items, const BoxTable& boxes) {
  std::vector<Piece> pieces;
  for (std::size_t item = 0; item < items.size(); ++item) {
    const std::size_t first = pieces.size();
    for (std::size_t rank = 0; rank < boxes.size(); ++rank) {
      const Box& box = boxes[rank][item];
      if (box.is_empty()) continue;
      const auto same =
          std::find_if(pieces.begin() + static_cast<std::ptrdiff_t>(first), pieces.end(),
                       [&](const Piece& p) { return boxes[p.holders.front()][item] == box; });
      if (same != pieces.end()) {
        same->holders.push_back(rank);
      } else {
        pieces.push_back({item, byte_count(items[item].local.type(), box.count), {rank}});
      }
    }
  }
  return pieces;
}

}  // namespace

std::vector<std::vector<std::size_t>> assign_writers(std::span<const StateItem> items,
                                                     const BoxTable& boxes) {
  std::vector<Piece> pieces = pieces_of(items, boxes);
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Piece& a, const Piece& b) { return a.bytes > b.bytes; });
  std::vector<std::size_t> load(boxes.size(), 0);
  std::vector<std::vector<std::size_t>> writes(boxes.size());
  for (const Piece& piece : pieces) {
    const std::size_t rank =
        *std::min_element(piece.holders.begin(), piece.holders.end(),
                          [&](std::size_t a, std::size_t b) { return load[a] < load[b]; });
    load[rank] += piece.bytes;
    writes[rank].push_back(piece.item);
  }
  for (std::vector<std::size_t>& list : writes) std::sort(list.begin(), list.end());
  return writes;
}

}  // namespace mneme
