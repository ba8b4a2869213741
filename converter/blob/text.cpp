// Text through the library's tokenizer.
// SPDX-License-Identifier: MIT
#include "converter/blob/text.h"

#include "converter/base/error.h"

namespace adder {

std::vector<int32_t> tokenize(const BlobFile &blob, std::string_view text, uint32_t flags) {
    if (!blob.info().has_tokenizer)
        bad_input("%s carries no tokenizer: give the prompt as token ids", blob.path().c_str());
    std::vector<int32_t> ids(adder_tokenize_capacity(text.size()));
    size_t count = 0;
    const adder_status status =
        adder_tokenize(blob.model(), text.data(), text.size(), flags, ids.data(), ids.size(), &count);
    if (status != ADDER_OK)
        bad_input("%s: tokenizing %zu bytes of text: %s", blob.path().c_str(), text.size(),
                  adder_status_text(status));
    ids.resize(count);
    return ids;
}

int32_t first_token(const adder_model_info &info) {
    return info.bos_token >= 0 ? info.bos_token : info.eos_tokens[0];
}

TextStream::TextStream(const BlobFile &blob, bool special)
    : blob_(blob), special_(special), buffer_(adder_detokenize_capacity(blob.model()), '\0') {}

std::string TextStream::put(int32_t token) {
    if (!special_ || !adder_token_is_special(blob_.model(), token)) return detokenize(token);
    std::string text = detokenize(-1);
    const char *bytes = nullptr;
    size_t size = 0;
    check(adder_token_bytes(blob_.model(), token, &bytes, &size), blob_.path());
    return text.append(bytes, size);
}

std::string TextStream::detokenize(int32_t token) {
    const size_t size = adder_detokenize(blob_.model(), &detokenizer_, token, buffer_.data(), buffer_.size());
    return buffer_.substr(0, size);
}

}  // namespace adder
