#include <algorithm>
#include <cstdio>
#include <span>

#include <fmt/format.h>

#include "app/command.h"
#include "app/progress.h"
#include "app/text_arguments.h"
#include "base/amount.h"
#include "base/check.h"
#include "base/math.h"
#include "data/facts.h"
#include "data/inspect.h"
#include "data/prepare.h"
#include "runtime/machine.h"
#include "train/stop_signals.h"

namespace mneme {
namespace {

struct InspectArguments {
  std::string inspect;  // token file to show; empty: none
  std::string verify;   // token file to check; empty: none
  std::int64_t at = 0;
  std::int64_t count = 256;
};

/// Lines for what was left out or mended; nothing when all was well.
void print_oddities(const PrepareCounts& counts, const std::vector<std::string>& ignored) {
  const auto line = [](std::int64_t count, const char* one, const char* several) {
    if (count > 0) fmt::print("  {}: left out\n", counted(count, one, several));
  };
  line(counts.empty_documents, "document without text", "documents without text");
  line(counts.missing_field, "JSON line without the field", "JSON lines without the field");
  line(counts.bad_json, "line that is not JSON", "lines that are not JSON");
  if (counts.malformed_bytes > 0) {
    fmt::print("  {} in {}: not UTF-8, replaced by U+FFFD\n",
               counted(counts.malformed_bytes, "byte"),
               counted(counts.malformed_documents, "document"));
  }
  const std::int64_t named = std::min<std::int64_t>(3, std::ssize(ignored));
  for (const std::string& file : std::span(ignored).first(size_of(named)))
    fmt::print("  {}: not text by its name; left out\n", file);
  const std::int64_t more = std::ssize(ignored) - named;
  if (more > 0) fmt::print("  and {}\n", counted(more, "more such file"));
}

void print_result(const PrepareResult& r, double seconds) {
  const std::int64_t documents = r.counts.documents - r.validation_documents;
  const std::int64_t tokens = r.counts.tokens - r.validation_tokens;
  const double bytes = static_cast<double>(r.counts.text_bytes);
  fmt::print("{}: {}, {}\n", r.training.string(), counted(documents, "document"),
             counted(tokens, "token"));
  if (r.validation) {
    fmt::print("{}: {}, {}\n", r.validation->string(), counted(r.validation_documents, "document"),
               counted(r.validation_tokens, "token"));
  }
  fmt::print("  {} of text, {:.2f} bytes per token; {}{}\n", bytes_text(r.counts.text_bytes),
             bytes / static_cast<double>(std::max<std::int64_t>(1, r.counts.tokens)),
             seconds_text(seconds), r.resumed ? " since an interrupted run was taken up" : "");
  print_oddities(r.counts, r.ignored_files);
}

int prepare(PrepareOptions options) {
  if (options.threads == 0) options.threads = usable_processors();
  require(!options.text.inputs.empty(), Fault::user,
          "there is no input; name text files or folders: mneme prep text INPUT... --output {}",
          options.output.string());
  StopSignals signals;
  double seconds = 0;
  PrepareResult result;
  {
    Progress bar("tokenising");
    result = prepare_text(options, [&](const PrepareProgress& p) {
      seconds = p.seconds;
      const double rate = static_cast<double>(p.tokens_this_run) / std::max(1e-3, p.seconds);
      bar.update(p.bytes_done, p.bytes_total,
                 fmt::format("{} tokens, {} tokens/s",
                             short_count(static_cast<double>(p.counts.tokens)), short_count(rate)));
      return signals.pending() == 0;
    });
  }
  if (result.interrupted) {
    fmt::print(
        stderr,
        "interrupted after {} of text; the same command goes on from there (--restart begins "
        "anew)\n",
        bytes_text(result.counts.text_bytes));
    return exit_interrupted;
  }
  print_result(result, seconds);
  if (options.validation_fraction > 0 && !result.validation) {
    fmt::print(
        "  no document fell to validation, so there is no file of it; with one document per file, "
        "try --documents paragraph\n");
  }
  return 0;
}

int make_facts(const FactsOptions& options) {
  const FactsResult r = write_facts(options);
  fmt::print("{}: {}, {} of text\n{}: {}\n", r.facts.string(),
             counted(r.biographies, "biography", "biographies"), bytes_text(r.text_bytes),
             r.probes.string(), counted(r.probe_count, "probe"));
  return 0;
}

int show_tokens(const InspectArguments& arguments) {
  const TokenFile file(arguments.inspect);
  fmt::print("{}{}", describe_token_file(file),
             inspect_tokens(file, arguments.at, arguments.count));
  return 0;
}

int verify_tokens(const std::string& path) {
  const TokenFile file(path);
  Progress bar("reading");
  file.verify([&](std::int64_t done) { bar.update(done, file.tokens(), ""); });
  fmt::print("ok: {}: {}, all checksums match\n", path, counted(file.tokens(), "token"));
  return 0;
}

void add_prep_text(CLI::App& prep, Action& chosen) {
  auto o = std::make_shared<PrepareOptions>();
  CLI::App* c = prep.add_subcommand("text", "text files to a token file, resumable");
  add_text_arguments(*c, o->text);
  c->add_option("--output", o->output,
                "token file to write; validation documents go to NAME.validation.h5 beside it")
      ->required();
  c->add_option("--tokenizer", o->tokenizer, "`bytes`, or a SentencePiece model")
      ->capture_default_str();
  add_enum_option(*c, "--malformed", o->malformed, "text that is not UTF-8");
  c->add_flag("--skip-bad-json", o->skip_bad_json,
              "leave out lines that are not JSON instead of refusing the file");
  c->add_option("--validation", o->validation_fraction,
                "share of the documents, chosen by their hash, that go to the validation file")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  c->add_option("--threads", o->threads, "0: all cores; the output does not depend on it")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  c->add_flag("--overwrite", o->overwrite, "replace an output that is there");
  c->add_flag("--restart", o->restart, "begin anew instead of taking up an interrupted run");
  c->footer(
      "Example: mneme prep text work/text --output work/text.h5 --tokenizer work/bpe.model "
      "--validation 0.02");
  c->callback([o, &chosen] { chosen = [o] { return prepare(*o); }; });
}

void add_prep_facts(CLI::App& prep, Action& chosen) {
  auto o = std::make_shared<FactsOptions>();
  CLI::App* c = prep.add_subcommand(
      "facts",
      "biographies of made-up people, and questions that measure what of them is recalled");
  c->add_option("--output", o->output, "folder for facts.jsonl and probes.jsonl")->required();
  c->add_option("--seed", o->seed, "of names, facts and wording")->capture_default_str();
  c->add_option("--people", o->people, "in the corpus, in equal groups")->capture_default_str();
  c->add_option("--unknown-people", o->unknown_people, "in the questions only: what guessing gives")
      ->capture_default_str();
  c->add_option("--exposures", o->exposures, "biographies per person, for each group: 1,4,16")
      ->delimiter(',')
      ->capture_default_str();
  c->add_option("--attributes", o->attributes, "facts per person")->capture_default_str();
  c->add_option("--sentences", o->sentences, "facts per biography; 0: all")->capture_default_str();
  c->add_flag("--overwrite", o->overwrite, "replace files that are there");
  c->footer("Example: mneme prep facts --output work/facts --people 1500 --exposures 1,4,16");
  c->callback([o, &chosen] { chosen = [o] { return make_facts(*o); }; });
}

}  // namespace

void add_prep(CLI::App& app, Action& chosen) {
  auto a = std::make_shared<InspectArguments>();
  CLI::App* prep = app.add_subcommand("prep", "make token files and corpora; look into them");
  prep->add_option("--inspect", a->inspect, "token file: what it is, and a piece of it as text");
  prep->add_option("--at", a->at, "first token to show")->capture_default_str();
  prep->add_option("--count", a->count, "tokens to show")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 24))
      ->capture_default_str();
  prep->add_option("--verify", a->verify, "token file: read all of it against its checksums");
  prep->require_subcommand(0, 1);
  prep->footer(
      "Example: mneme prep --inspect work/text.h5 --at 100000\n"
      "         mneme prep text --help");
  add_prep_text(*prep, chosen);
  add_prep_facts(*prep, chosen);
  prep->callback([a, prep, &chosen] {
    if (!prep->get_subcommands().empty()) return;
    chosen = [a] {
      if (!a->verify.empty()) return verify_tokens(a->verify);
      require(!a->inspect.empty(), Fault::user,
              "say what to do: mneme prep text, prep facts, prep --inspect FILE or prep --verify "
              "FILE");
      return show_tokens(*a);
    };
  });
}

}  // namespace mneme
