#include "data/prepare.h"

#include <fstream>
#include <random>
#include <utility>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/hash.h"
#include "base/text_file.h"
#include "data/inspect.h"
#include "data/token_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "text/bpe_train.h"

namespace mneme {
namespace {

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string gzipped(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstandard(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

/// Sentences of random words; `bytes` about.
std::string words(std::uint64_t seed, std::size_t bytes) {
  std::minstd_rand random(static_cast<unsigned>(seed) + 1);
  std::string text;
  while (text.size() < bytes) {
    const std::uint64_t word = random();
    for (std::uint64_t i = 0; i < 2 + word % 5; ++i)
      text += static_cast<char>('a' + (word >> (4 * i)) % 26);
    text += word % 11 == 0 ? ".\n" : " ";
  }
  return text;
}

std::string json_line(const std::string& text, const std::string& key = "text") {
  std::string escaped;
  for (const char c : text) escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
  return "{\"id\": 3, \"" + key + "\": \"" + escaped + "\"}\n";
}

std::vector<std::string> documents_of(const std::filesystem::path& path) {
  const TokenFile file(path);
  file.verify();
  std::vector<std::string> texts;
  for (std::int64_t d = 0; d < file.info().documents; ++d) {
    const Range range = file.document(d);
    std::vector<std::int32_t> ids(size_of(range.count()));
    file.read(range.first, ids);
    EXPECT_EQ(ids.back(), file.info().eos);
    texts.push_back(file.tokenizer()->decode(ids));
  }
  return texts;
}

using Texts = std::vector<std::string>;

class Prepare : public testing::Test {
 protected:
  PrepareOptions options(const std::vector<std::string>& names) const {
    PrepareOptions o;
    for (const std::string& name : names) o.text.inputs.push_back((folder_ / name).string());
    o.output = folder_ / "out.h5";
    o.threads = 2;
    return o;
  }
  Texts run(const PrepareOptions& o) {
    result_ = prepare_text(o);
    return documents_of(o.output);
  }
  TemporaryFolder folder_;
  PrepareResult result_;
};

TEST_F(Prepare, ReadsEveryKindOfFileAndFoldersInOrder) {
  write(folder_ / "in/b.txt", "second\nfile\n");
  write(folder_ / "in/a/x.jsonl", json_line("one") + "\n" + json_line("two\nlines"));
  write(folder_ / "in/c.jsonl.zst", zstandard(json_line("three")) + zstandard(json_line("four")));
  write(folder_ / "in/d.jsonl.gz", gzipped(json_line("five")) + gzipped(json_line("six")));
  write(folder_ / "in/e.txt.gz", gzipped("seven"));
  write(folder_ / "in/f.txt",
        "\xEF\xBB\xBF"
        "eight");
  write(folder_ / "in/.hidden.txt", "never");
  write(folder_ / "in/notes.md", "never");
  EXPECT_EQ(run(options({"in"})), (Texts{"one", "two\nlines", "second\nfile\n", "three", "four",
                                         "five", "six", "seven", "eight"}));
  ASSERT_EQ(result_.ignored_files.size(), 1U);
  EXPECT_TRUE(result_.ignored_files[0].ends_with("notes.md"));
  EXPECT_EQ(TokenFile(folder_ / "out.h5").info().sources.size(), 6U);
  EXPECT_EQ(TokenFile(folder_ / "out.h5").info().sources[1].hash, hash64("second\nfile\n"));
}

TEST_F(Prepare, TextFilesAreFilesParagraphsOrLines) {
  write(folder_ / "in.txt", "\n \na b\nc\r\n\n\n  \nk\n\ne\n");
  PrepareOptions o = options({"in.txt"});
  EXPECT_EQ(run(o), (Texts{"\n \na b\nc\r\n\n\n  \nk\n\ne\n"}));
  o.overwrite = true;
  o.text.documents = TextDocuments::paragraph;
  EXPECT_EQ(run(o), (Texts{"a b\nc", "k", "e"}));
  o.text.documents = TextDocuments::line;
  EXPECT_EQ(run(o), (Texts{"a b", "c", "k", "e"}));
  EXPECT_EQ(result_.counts.empty_documents, 6);
}

TEST_F(Prepare, LongDocumentsComeThroughWholeInPieces) {
  const std::string text = words(1, 5'000'000);
  const std::string solid(3'000'000, 'x');
  write(folder_ / "a.txt", text);
  write(folder_ / "b.jsonl", json_line(solid) + json_line(text));
  PrepareOptions o = options({"a.txt", "b.jsonl"});
  EXPECT_EQ(run(o), (Texts{text, solid, text}));
  o.overwrite = true;
  o.text.documents = TextDocuments::paragraph;
  EXPECT_EQ(run(o),
            (Texts{text.ends_with('\n') ? text.substr(0, text.size() - 1) : text, solid, text}));
}

TEST_F(Prepare, APieceEndsBeforeASpaceAndNeverInsideACharacter) {
  std::string text = words(2, longest_piece + 1000);
  const std::size_t end = piece_end(text);
  EXPECT_LE(end, longest_piece);
  EXPECT_TRUE(text[end] == ' ' || text[end] == '\n');
  text = "a";
  while (text.size() < longest_piece + 10) text += "\xF0\x9F\x90\x8B";
  EXPECT_EQ(piece_end(text) % 4, 1U);
  EXPECT_EQ(piece_end("short"), 5U);
}

TEST_F(Prepare, CountsWhatIsLeftOutOrMended) {
  write(folder_ / "in.jsonl", json_line("good") + json_line(" \\t ") + json_line("x", "other") +
                                  "{\"text\": 7}\n" + "{broken\n" +
                                  json_line("b\xFF"
                                            "d\xC3"));
  PrepareOptions o = options({"in.jsonl"});
  expect_error(Fault::data, "in.jsonl:5: not JSON", [&] { run(o); });
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.h5.tmp"));
  o.skip_bad_json = true;
  EXPECT_EQ(run(o), (Texts{"good",
                           "b\xEF\xBF\xBD"
                           "d\xEF\xBF\xBD"}));
  const PrepareCounts wanted{.documents = 2,
                             .tokens = 14,
                             .text_bytes = 12,
                             .empty_documents = 1,
                             .missing_field = 2,
                             .bad_json = 1,
                             .malformed_bytes = 2,
                             .malformed_documents = 1};
  EXPECT_EQ(result_.counts, wanted);
  o.overwrite = true;
  o.malformed = MalformedText::refuse;
  expect_error(Fault::data, "in.jsonl:6: 2 bytes are not UTF-8", [&] { run(o); });
  EXPECT_EQ(documents_of(o.output).size(), 2U);  // the old output is still there
}

TEST_F(Prepare, ASentencePieceTokenizerTravelsInTheFile) {
  const std::string text = words(3, 40'000);
  write(folder_ / "été.txt", text);
  bool given = false;
  write(folder_ / "bpe.model", train_bpe({.vocab_size = 600}, [&](std::string& out) {
          out = text;
          return !std::exchange(given, true);
        }));
  PrepareOptions o = options({"été.txt"});
  o.tokenizer = folder_ / "bpe.model";
  EXPECT_EQ(run(o), Texts{text});
  std::filesystem::remove(o.tokenizer);
  const TokenFile file(o.output);
  EXPECT_EQ(file.info().vocab_size, 600);
  EXPECT_LT(file.tokens(), std::ssize(text) * 3 / 4);
  EXPECT_TRUE(file.info().sources.at(0).name.ends_with("été.txt"));
}

TEST_F(Prepare, FieldsAreKeysOrPointers) {
  write(folder_ / "in.jsonl", "{\"meta\": {\"body\": \"deep\"}, \"body\": \"flat\"}\n");
  PrepareOptions o = options({"in.jsonl"});
  o.overwrite = true;
  o.text.field = "body";
  EXPECT_EQ(run(o), Texts{"flat"});
  o.text.field = "/meta/body";
  EXPECT_EQ(run(o), Texts{"deep"});
  o.text.field = "text";
  expect_error(Fault::data, "there is no text field 'text' in 1 line of JSON", [&] { run(o); });
  expect_error(Fault::data, "; hint: --field NAME, ", [&] { run(o); });
  expect_error(Fault::data, "in.jsonl:1 has the fields: meta, body", [&] { run(o); });
  write(folder_ / "in.jsonl", "[1]\n");
  expect_error(Fault::data, "in.jsonl:1 has no fields", [&] { run(o); });
}

TEST_F(Prepare, RefusesWhatIsNotThereOrNotText) {
  write(folder_ / "in.pdf", "x");
  write(folder_ / "empty.txt", "");
  write(folder_ / "folder/readme.md", "x");
  expect_error(Fault::user, "in.pdf' is a file of unknown kind", [&] { run(options({"in.pdf"})); });
  expect_error(Fault::user, "there is no file or folder", [&] { run(options({"none.txt"})); });
  expect_error(Fault::user, "holds no text files", [&] { run(options({"folder"})); });
  expect_error(Fault::user, "no input", [&] { run(options({})); });
  expect_error(Fault::data, "no documents to train on in '" + (folder_ / "empty.txt").string(),
               [&] { run(options({"empty.txt"})); });
  write(folder_ / "cut.txt.gz", gzipped(words(1, 5000)).substr(0, 1000));
  expect_error(Fault::data, "ends in the middle", [&] { run(options({"cut.txt.gz"})); });
  write(folder_ / "cut.txt.zst", zstandard(words(1, 5000)).substr(0, 1000));
  expect_error(Fault::data, "ends in the middle", [&] { run(options({"cut.txt.zst"})); });
  write(folder_ / "bad.txt.gz", "this is no gzip");
  expect_error(Fault::data, "damaged or cut short", [&] { run(options({"bad.txt.gz"})); });
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.h5"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.h5.tmp"));
}

TEST_F(Prepare, AnOutputThatExistsIsKeptUnlessToldOtherwise) {
  write(folder_ / "in.txt", "one");
  run(options({"in.txt"}));
  write(folder_ / "in.txt", "two");
  expect_error(Fault::user, "out.h5' is already there", [&] { run(options({"in.txt"})); });
  PrepareOptions o = options({"in.txt"});
  o.overwrite = true;
  EXPECT_EQ(run(o), Texts{"two"});
}

TEST_F(Prepare, ValidationTakesItsShareByHash) {
  std::string lines;
  for (std::uint64_t i = 0; i < 2000; ++i) lines += json_line(words(i % 1000, 30));
  write(folder_ / "in.jsonl", lines);
  PrepareOptions o = options({"in.jsonl"});
  o.validation_fraction = 0.2;
  const Texts training = run(o);
  const Texts validation = documents_of(*result_.validation);
  EXPECT_EQ(training.size() + validation.size(), 2000U);
  EXPECT_EQ(result_.validation_documents, std::ssize(validation));
  EXPECT_NEAR(static_cast<double>(validation.size()), 400, 100);
  for (const std::string& text : validation) {  // both copies of a text are on one side
    ASSERT_EQ(std::count(training.begin(), training.end(), text), 0);
  }
}

/// A corpus of several files, for the tests of sameness.
class PrepareSame : public Prepare {
 protected:
  PrepareSame() {
    std::string lines;
    for (std::uint64_t i = 0; i < 3000; ++i) lines += json_line(words(i, 100 + i % 2000));
    write(folder_ / "in/a.jsonl.gz", gzipped(lines));
    write(folder_ / "in/b.txt", words(9, 3'000'000));
    write(folder_ / "in/c.jsonl.zst", zstandard(lines.substr(0, lines.find('\n', 900'000) + 1)));
  }
  PrepareOptions split_options(int threads) const {
    PrepareOptions o = options({"in"});
    o.validation_fraction = 0.1;
    o.threads = threads;
    o.commit_bytes = 1;
    return o;
  }
  std::string outputs() const {
    return read_text(folder_ / "out.h5") + read_text(folder_ / "out.validation.h5");
  }
  void clear() {
    std::filesystem::remove(folder_ / "out.h5");
    std::filesystem::remove(folder_ / "out.validation.h5");
  }
};

TEST_F(PrepareSame, OutputIsTheSameForAnyThreads) {
  run(split_options(1));
  const std::string wanted = outputs();
  for (const int threads : {2, 5}) {
    clear();
    run(split_options(threads));
    EXPECT_TRUE(outputs() == wanted) << threads;
  }
}

TEST_F(PrepareSame, OutputIsTheSameAfterAnyInterruptions) {
  run(split_options(2));
  const std::string wanted = outputs();
  const PrepareCounts counts = result_.counts;
  clear();
  int runs = 0;
  do {
    result_ = prepare_text(split_options(1 + runs % 3), [&](const PrepareProgress& p) {
      EXPECT_LE(p.bytes_done, p.bytes_total);
      return false;
    });
    EXPECT_EQ(result_.resumed, runs > 0);
    // What was written after the last commit must not matter.
    if (result_.interrupted)
      std::ofstream(folder_ / "out.h5.tmp/training.tokens", std::ios::app) << "junk";
  } while (result_.interrupted && ++runs < 100);
  EXPECT_GT(runs, 5);
  EXPECT_TRUE(outputs() == wanted);
  EXPECT_EQ(result_.counts, counts);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.h5.tmp"));
}

TEST_F(PrepareSame, OutputIsTheSameAfterBeingKilled) {
  run(split_options(2));
  const std::string wanted = outputs();
  clear();
  for (int kill_at = 1; kill_at < 4; ++kill_at) {
    const pid_t child = ::fork();
    if (child == 0) {
      int batches = 0;
      PrepareOptions o = split_options(1);
      if (kill_at > 1) o.commit_bytes = 500'000;  // some batches are written and not committed
      prepare_text(o, [&](const PrepareProgress&) {
        if (++batches == kill_at) ::kill(::getpid(), SIGKILL);
        return true;
      });
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  run(split_options(2));
  EXPECT_TRUE(result_.resumed);
  EXPECT_TRUE(outputs() == wanted);
}

TEST_F(PrepareSame, AnInterruptedRunOfSomethingElseIsNotContinued) {
  const auto stop = [](const PrepareProgress&) { return false; };
  EXPECT_TRUE(prepare_text(split_options(1), stop).interrupted);
  PrepareOptions o = split_options(1);
  o.validation_fraction = 0.5;
  expect_error(Fault::user, "validation_fraction was 0.1, is now 0.5", [&] { run(o); });
  write(folder_ / "in/b.txt", "changed");
  expect_error(Fault::user, "files[1].bytes was", [&] { run(split_options(1)); });
  o.restart = true;
  run(o);
  EXPECT_FALSE(result_.resumed);
}

TEST_F(Prepare, InspectShowsATokensSurroundings) {
  write(folder_ / "in.jsonl", json_line("the sea") + json_line("a ship"));
  run(options({"in.jsonl"}));
  const TokenFile file(folder_ / "out.h5");
  EXPECT_EQ(inspect_tokens(file, 4, 6),
            "--- document 0, tokens 4 to 7 of it (8 in all)\nsea\n[end of document]\n"
            "--- document 1, tokens 0 to 1 of it (7 in all)\na \n");
  expect_error(Fault::user, "15 is not among them", [&] { inspect_tokens(file, 15, 1); });
  EXPECT_THAT(describe_token_file(file), testing::HasSubstr("2 documents, 15 tokens of 2 bytes"));
}

TEST_F(Prepare, NoDiskSpaceIsOneClearErrorAndTheRunCanGoOn) {
  write(folder_ / "in.txt", words(1, 3'000'000));
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{3'500'000, 3'500'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    PrepareOptions o = options({"in.txt"});
    o.commit_bytes = 1;
    try {
      prepare_text(o);
    } catch (const Error& e) {
      ::_exit(e.fault() == Fault::machine &&
                      std::string(e.what()).find("out.h5") != std::string::npos
                  ? 7
                  : 8);
    }
    ::_exit(9);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.h5"));
  EXPECT_EQ(run(options({"in.txt"})), Texts{words(1, 3'000'000)});
  EXPECT_TRUE(result_.resumed);
}

TEST_F(Prepare, TheTextIteratorGivesTheSameTexts) {
  write(folder_ / "in.jsonl",
        json_line("one") + "{broken\n" + json_line("x", "other") + json_line("two"));
  write(folder_ / "in.txt", "three");
  TextIterator texts({.inputs = options({"in.jsonl", "in.txt"}).text.inputs});
  Texts found;
  for (std::string text; texts.next(text);) found.push_back(text);
  EXPECT_EQ(found, (Texts{"one", "two", "three"}));
}

}  // namespace
}  // namespace mneme
