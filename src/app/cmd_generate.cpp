#include <cstdio>
#include <fstream>

#include <fmt/format.h>

#include "app/command.h"
#include "app/ranks.h"
#include "generate/decoder.h"
#include "text/utf8.h"
#include "train/load_model.h"

namespace mneme {
namespace {

struct GenerateArguments {
  ConfigArguments model;
  std::vector<std::string> prompts;
  std::string prompt_file;
  std::int64_t tokens = 64;
  SamplerOptions sampler;
};

std::vector<std::string> all_prompts(const GenerateArguments& a) {
  std::vector<std::string> prompts = a.prompts;
  if (!a.prompt_file.empty()) {
    std::ifstream in(a.prompt_file);
    require(in.good(), Fault::user, "{}: no such file of prompts", a.prompt_file);
    for (std::string line; std::getline(in, line);) {
      if (!line.empty()) prompts.push_back(line);
    }
  }
  require(!prompts.empty(), Fault::user,
          "no prompt: give one with --prompt TEXT or some with --prompts FILE");
  return prompts;
}

/// Prints one sequence as it grows, whole characters only; several sequences when they are done.
class Printer {
 public:
  Printer(const Tokenizer& tokenizer, const std::vector<std::string>& prompts, bool speaks)
      : tokenizer_(tokenizer),
        prompts_(prompts),
        streams_(speaks && prompts.size() == 1),
        speaks_(speaks) {
    if (streams_) write(prompts_[0]);
  }
  bool token(std::int32_t id) {
    if (!streams_) return true;
    ids_.push_back(id);
    const std::string text = tokenizer_.decode(ids_);
    const std::size_t whole = utf8_complete_prefix(text);
    if (whole > shown_) write(text.substr(shown_, whole - shown_));
    shown_ = std::max(shown_, whole);
    return true;
  }
  void done(const std::vector<std::vector<std::int32_t>>& continued, std::size_t first) const {
    if (!speaks_) return;
    if (streams_) return fmt::print("\n");
    for (std::size_t i = 0; i < continued.size(); ++i) {
      fmt::print("{}{}\n", prompts_[first + i], tokenizer_.decode(continued[i]));
    }
  }

 private:
  static void write(const std::string& text) {
    fmt::print("{}", text);
    std::fflush(stdout);
  }
  const Tokenizer& tokenizer_;
  const std::vector<std::string>& prompts_;
  bool streams_;
  bool speaks_;
  std::vector<std::int32_t> ids_;
  std::size_t shown_ = 0;
};

int generate(const GenerateArguments& a) {
  const std::vector<std::string> prompts = all_prompts(a);
  const SavedRun run = read_saved_run(a.model.file, a.model.overrides);
  const Ranks ranks(run.config);
  const auto tokenizer = load_run_tokenizer(run);
  std::vector<Decoder::Request> requests;
  Decoder::Options options{.batch = 1, .capacity = 1};
  for (const std::string& p : prompts) {
    requests.push_back({tokenizer->encode(p), std::ssize(requests)});
    if (requests.back().prompt.empty()) requests.back().prompt.push_back(tokenizer->eos());
    options.capacity = std::max(options.capacity, std::ssize(requests.back().prompt) + a.tokens);
  }
  options.batch = std::min<std::int64_t>(16, std::ssize(requests));
  const auto engine = load_model(run, ranks.mesh(), ranks.threads(),
                                 [&](Engine& e) { Decoder::measure(e, options); });
  Decoder decoder(*engine, options);
  Printer printer(*tokenizer, prompts, ranks.is_first());
  // Every rank decodes the same text, so that ranks that share a pool stay in step.
  const Sampler sampler(a.sampler);
  for (std::size_t first = 0; first < requests.size(); first += size_of(options.batch)) {
    const auto part = std::span<const Decoder::Request>(requests).subspan(
        first, std::min(size_of(options.batch), requests.size() - first));
    printer.done(decoder.generate(part, a.tokens, tokenizer->eos(), sampler,
                                  [&](std::size_t, std::int32_t id) { return printer.token(id); }),
                 first);
  }
  return 0;
}

}  // namespace

void add_generate(CLI::App& app, Action& chosen) {
  auto a = std::make_shared<GenerateArguments>();
  CLI::App* command = app.add_subcommand("generate", "continue prompts with a trained model");
  add_model_arguments(*command, a->model);
  command->add_option("--prompt", a->prompts, "text to continue; repeatable")
      ->allow_extra_args(false);
  command->add_option("--prompts", a->prompt_file, "a file with one prompt per line");
  command->add_option("--tokens", a->tokens, "at most so many new tokens")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--temperature", a->sampler.temperature, "0: always the most likely token")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--top-k", a->sampler.top_k, "only the k most likely tokens; 0: all")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--top-p", a->sampler.top_p,
                   "only the fewest tokens that reach this probability")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--seed", a->sampler.seed, "of the draws")->capture_default_str();
  command->footer(
      "Example: mneme generate runs/tiny_memory --prompt 'A horse is' --temperature 0.8 --top-p "
      "0.9");
  command->callback([a, &chosen] { chosen = [a] { return generate(*a); }; });
}

}  // namespace mneme
