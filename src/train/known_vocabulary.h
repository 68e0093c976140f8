#pragma once

#include "train/run_config.h"

namespace mneme {

/// The config with model.vocabulary filled in: what it says, or the size of the tokenizer or of the
/// first token file that it names. Fault::user when none of them tells.
RunConfig with_known_vocabulary(RunConfig config);

}  // namespace mneme
