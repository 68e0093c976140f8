#include "study/study.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "base/hash.h"
#include "config/parse.h"
#include "config/print.h"
#include "data/data_files.h"
#include "data/token_file.h"
#include "study/study_config.h"
#include "train/known_vocabulary.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;

/// Longer names of folders end in a hash instead.
constexpr std::size_t longest_name = 120;

/// The sentences of many errors, each told once however many members it befalls.
class Complaints {
 public:
  void add(const std::string& text) {
    if (std::find(texts_.begin(), texts_.end(), text) == texts_.end()) texts_.push_back(text);
  }
  void throw_if_any() const {
    if (!texts_.empty()) fail(Fault::user, "{}", fmt::join(texts_, "\n"));
  }

 private:
  std::vector<std::string> texts_;
};

std::vector<Setting> settings_of(const YamlNode* map) {
  std::vector<Setting> settings;
  if (map == nullptr) return settings;
  for (const YamlNode::Entry& e : map->entries) settings.push_back({e.key, e.value, e.place});
  return settings;
}

/// A member before its config is read.
struct Draft {
  std::string name;  // empty: made of what varies
  std::string base;
  Place base_place;
  Place place;
  std::vector<Setting> varied;
};

/// The combinations of a grid's values, the last key fastest.
void add_grid(const YamlNode& grid, const Draft& start, std::vector<Draft>& drafts) {
  std::vector<Draft> made{start};
  for (const YamlNode::Entry& axis : grid.entries) {
    std::vector<Draft> longer;
    for (const Draft& d : made) {
      for (const YamlNode& value : axis.value.items) {
        longer.push_back(d);
        longer.back().varied.push_back({axis.key, value, axis.place});
        longer.back().place = value.place;
      }
    }
    made = std::move(longer);
  }
  drafts.insert(drafts.end(), made.begin(), made.end());
}

std::vector<Draft> drafts_of(const YamlNode& root, Problems& problems) {
  Draft start;
  if (const YamlNode* base = root.find("base")) {
    start.base = base->text;
    start.base_place = base->place;
  }
  std::vector<Draft> drafts;
  if (const YamlNode* list = root.find("list")) {
    for (const YamlNode& item : list->items) {
      Draft d = start;
      d.name = item.find("name")->text;
      d.place = item.place;
      d.varied = settings_of(item.find("set"));
      if (const YamlNode* base = item.find("base")) {
        d.base = base->text;
        d.base_place = base->place;
      }
      drafts.push_back(std::move(d));
    }
  }
  const YamlNode* grid = root.find("grid");
  if (grid == nullptr || grid->entries.empty()) return drafts;
  for (const YamlNode::Entry& axis : grid->entries) {
    if (axis.value.items.empty()) {
      problems.refuse(axis.place, "grid." + axis.key, "[]", "must hold at least one value");
    }
  }
  add_grid(*grid, start, drafts);
  return drafts;
}

bool is_same_or_inside(const std::string& key, const std::string& group) {
  return key == group || key.starts_with(group + ".");
}

/// What the study itself decides cannot be set, and --set cannot undo what varies.
void check_keys(const std::vector<Setting>& common,
                const std::vector<Draft>& drafts,
                const std::vector<std::string>& overrides,
                Problems& problems) {
  const auto check_reserved = [&](const Setting& s) {
    if (s.key == "name" || s.key == "output")
      problems.add(s.place, fmt::format("{} of a run is given by the study, which makes one folder "
                                        "output/name/member for each",
                                        s.key));
  };
  for (const Setting& s : common) check_reserved(s);
  for (const std::string& text : overrides) {
    const std::string key = key_of_override(text);
    check_reserved({key, {}, {"--set " + text, 0}});
    for (const Draft& d : drafts) {
      const auto at = std::find_if(d.varied.begin(), d.varied.end(), [&](const Setting& s) {
        return is_same_or_inside(s.key, key) || is_same_or_inside(key, s.key);
      });
      if (at == d.varied.end()) continue;
      problems.add({"--set " + text, 0},
                   fmt::format("{} is what this study varies ({})", at->key, at->place.text()));
      break;
    }
  }
  std::set<const void*> seen;
  for (const Draft& d : drafts) {
    for (const Setting& s : d.varied) check_reserved(s);
  }
}

/// The effective value of a plain one, whatever its spelling; else the value as written.
std::string varied_text(const Setting& s, const RunConfig& config) {
  return s.value.kind == YamlNode::Kind::scalar ? get(config, s.key) : flow_text(s.value);
}

std::string derived_name(const std::vector<std::pair<std::string, std::string>>& varied) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : varied) keys.push_back(key);
  const std::vector<std::string> shorts = short_keys(keys);
  std::string name;
  for (std::size_t i = 0; i < varied.size(); ++i) {
    name += fmt::format("{}{}={}", i > 0 ? "," : "", shorts[i], name_of_value(varied[i].second));
  }
  if (name.size() <= longest_name) return name;
  return name.substr(0, longest_name - 17) + "-" + hex(hash64(std::as_bytes(std::span(name))));
}

/// Opens each token file once, so that none is missed hours later.
void check_data(const DataConfig& data, std::set<std::string>& opened) {
  std::vector<std::string> files;
  for (const SourceConfig& s : data.train)
    files.insert(files.end(), s.files.begin(), s.files.end());
  for (const ValidationConfig& v : data.validation)
    files.insert(files.end(), v.files.begin(), v.files.end());
  for (const std::string& file : files) {
    if (opened.insert(file).second) TokenFile(fs::path(file));
  }
}

class Reader {
 public:
  Reader(fs::path file, std::vector<std::string> overrides, std::vector<Setting> common)
      : file_(std::move(file)), overrides_(std::move(overrides)), common_(std::move(common)) {}

  Member read(const Draft& d, int ranks, const fs::path& folder) {
    Member m;
    m.config = read_config(d);
    for (const Setting& s : d.varied) m.varied.emplace_back(s.key, varied_text(s, m.config));
    m.name = d.name.empty() ? derived_name(m.varied) : d.name;
    m.config.name = m.name;
    m.config.output = folder.string();
    if (note_absent(d, m)) return m;
    try {
      check_data(m.config.data, opened_);
      m.config = with_known_vocabulary(m.config);
      m.plan = make_plan(m.config, ranks);
    } catch (const Error& e) {
      fail(e.fault(), "{}: {}: {}", d.place.text(), m.name, e.what());
    }
    return m;
  }

  /// Each absent file once, however many members name it.
  void complain_of_absent(Complaints& complaints) const {
    std::vector<AbsentFile> files;
    for (const Absent& a : absent_) {
      const std::string others = a.others > 0 ? fmt::format(" and {} more", a.others) : "";
      complaints.add(fmt::format("{}: {}{}: {}", a.place.text(), a.member, others, a.file.line()));
      files.push_back(a.file);
    }
    if (!files.empty()) complaints.add("  hint: " + absent_hint(files));
  }

 private:
  struct Absent {
    AbsentFile file;
    Place place;
    std::string member;      // the first that names it
    std::size_t others = 0;  // that name it too
  };

  /// Whether files of a member are not there. All are looked for before the first is opened.
  bool note_absent(const Draft& d, const Member& m) {
    const std::vector<AbsentFile> files = absent_files(m.config.data);
    for (const AbsentFile& file : files) {
      const auto same = std::find_if(absent_.begin(), absent_.end(),
                                     [&](const Absent& a) { return a.file.path == file.path; });
      if (same == absent_.end()) {
        absent_.push_back({file, d.place, m.name, 0});
      } else {
        ++same->others;
      }
    }
    return !files.empty();
  }

  RunConfig read_config(const Draft& d) const {
    Problems problems;
    const fs::path base = (file_.parent_path() / d.base).lexically_normal();
    if (!fs::is_regular_file(base)) {
      problems.refuse(d.base_place, "base", d.base,
                      fmt::format("there is no such file ({})", base.string()));
      problems.throw_if_any();
    }
    YamlNode root = load_yaml_file(base, true, problems);
    const YamlNode& defaults = schema_of<RunConfig>().info().defaults;
    apply_settings(root, common_, defaults, problems);
    apply_settings(root, d.varied, defaults, problems);
    const std::vector<Setting> name{{"name", YamlNode::words("member"), d.place}};
    apply_settings(root, name, defaults, problems);  // the real one follows from what is read here
    return parse_tree<RunConfig>(std::move(root), overrides_, std::move(problems));
  }

  fs::path file_;
  std::vector<std::string> overrides_;
  std::vector<Setting> common_;
  std::set<std::string> opened_;
  std::vector<Absent> absent_;
};

/// Two members of one name would share a folder.
void check_names(const std::vector<Member>& members,
                 const std::vector<Draft>& drafts,
                 Complaints& complaints) {
  std::map<std::string, std::size_t> first;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto [at, is_new] = first.emplace(members[i].name, i);
    if (is_new) continue;
    complaints.add(fmt::format("{}: a second member {}, the first is of {}", drafts[i].place.text(),
                               members[i].name, drafts[at->second].place.text()));
  }
}

}  // namespace

std::int64_t Member::pool_rows() const {
  const ResolvedMemory memory = resolve_memory(config.model);
  return memory.layers.empty() ? 0 : memory.rows();
}

std::vector<std::string> Study::varied_keys() const {
  std::vector<std::string> keys;
  for (const Member& m : members) {
    for (const auto& [key, value] : m.varied) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    }
  }
  return keys;
}

Study read_study(const fs::path& file, const std::vector<std::string>& overrides) {
  Problems problems;
  const YamlNode root = load_yaml_file(file, /*follow_base=*/false, problems);
  const auto config = parse_tree<StudyConfig>(root, {}, std::move(problems));
  Problems more;
  const std::vector<Setting> common = settings_of(root.find("set"));
  const std::vector<Draft> drafts = drafts_of(root, more);
  check_keys(common, drafts, overrides, more);
  more.throw_if_any();

  Study study{.name = config.name,
              .folder = fs::path(config.output) / config.name,
              .ranks = config.ranks,
              .members = {}};
  Reader reader(file, overrides, common);
  Complaints complaints;
  for (const Draft& d : drafts) {
    try {
      study.members.push_back(reader.read(d, config.ranks, study.folder));
    } catch (const Error& e) {
      if (e.fault() != Fault::user) throw;
      complaints.add(e.what());
    }
  }
  reader.complain_of_absent(complaints);
  complaints.throw_if_any();
  check_names(study.members, drafts, complaints);
  complaints.throw_if_any();
  return study;
}

std::vector<std::string> short_keys(const std::vector<std::string>& keys) {
  const auto last_parts = [](const std::string& key, int count) {
    std::size_t at = key.size();
    for (int i = 0; i < count && at != 0 && at != std::string::npos; ++i)
      at = key.rfind('.', at - 1);
    return at == 0 || at == std::string::npos ? key : key.substr(at + 1);
  };
  std::vector<std::string> shorts;
  for (const std::string& key : keys) {
    int parts = 1;
    const auto is_shared = [&](const std::string& other) {
      return other != key && last_parts(other, parts) == last_parts(key, parts);
    };
    while (std::any_of(keys.begin(), keys.end(), is_shared)) ++parts;
    shorts.push_back(last_parts(key, parts));
  }
  return shorts;
}

std::string name_of_value(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
    if (is_plain) {
      name += c;
    } else if (c == ',') {
      name += '+';
    } else if (c == '/' || c == ':') {
      name += '_';
    }  // brackets, quotes and spaces fall away
  }
  return name;
}

}  // namespace mneme
