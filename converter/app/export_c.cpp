// adder export-c: writes a blob as C, assembly and a linker script, for programs that carry their model.
// SPDX-License-Identifier: MIT
#include <deque>
#include <filesystem>
#include <optional>

#include "converter/app/cli.h"
#include "converter/app/constraint_file.h"
#include "converter/app/context.h"
#include "converter/base/error.h"
#include "converter/blob/export_c.h"
#include "runtime/model.h"
#include "runtime/stream.h"

namespace adder {
namespace {

// Files of one directory: all are written in full before the first takes its place.
class Outputs {
  public:
    Outputs(const std::string &directory, std::vector<std::string> inputs)
        : directory_(directory), inputs_(std::move(inputs)), made_(directory) {}
    AtomicFile &add(const std::string &name) {
        paths_.push_back(join_path(directory_, name));
        check_not_an_input(paths_.back(), inputs_);
        return files_.emplace_back(paths_.back());
    }
    void add(const std::string &name, std::string_view text) { add(name).write(text.data(), text.size()); }
    void commit() {
        for (AtomicFile &file : files_) file.commit();
        for (const std::string &path : paths_) print(path + "\n");
    }

  private:
    std::string directory_;
    std::vector<std::string> inputs_;
    OutputDirectory made_;
    std::vector<std::string> paths_;
    std::deque<AtomicFile> files_;
};

void export_constraint(const Arguments &arguments, const std::string &name) {
    for (const char *option :
         {"chunk", "logit-rows", "context", "form", "state", "stream", "stream-buffer", "no-text"})
        if (arguments.has(option)) fail(ExitCode::usage, "--%s is for a blob, not for a constraint", option);
    const std::string &input = arguments.positional()[0];
    Outputs outputs(arguments.text("output"), {input});
    ConstraintFile file(input);
    const ConstraintExport constraint{name, file.bytes(), adder_constraint_longest(file.get())};
    outputs.add(name + ".h", export_constraint_header(constraint));
    outputs.add(name + ".c", export_constraint_array(constraint));
    outputs.commit();
}

int run_export_c(const Arguments &arguments) {
    const std::string &input = arguments.positional()[0];
    if (!arguments.has("output")) fail(ExitCode::usage, "where to? Give -o DIR");
    ExportSpec spec{};
    spec.name = arguments.text("name", export_name_of(std::filesystem::path(input).stem().string()));
    check_export_name(spec.name);
    if (is_constraint(input)) {
        export_constraint(arguments, spec.name);
        return 0;
    }
    spec.session.chunk = static_cast<uint32_t>(arguments.integer("chunk", 16, 1, 4096));
    spec.session.logit_rows = static_cast<uint32_t>(arguments.integer("logit-rows", 1, 1, spec.session.chunk));
    spec.session.context = context_of(arguments);
    const std::string form = arguments.choice("form", "both", {"both", "array", "incbin"});
    spec.stream = arguments.has("stream");
    if (arguments.has("no-text")) spec.stream_flags = ADDER_STREAM_NO_TEXT;
    spec.session.stream_buffer =
        static_cast<uint32_t>(arguments.integer("stream-buffer", 0, 64, max_stream_buffer));
    for (const char *option : {"stream-buffer", "no-text"})
        if (arguments.has(option) && !spec.stream) fail(ExitCode::usage, "--%s goes with --stream", option);
    for (const char *option : {"form", "state"})
        if (arguments.has(option) && spec.stream)
            fail(ExitCode::usage,
                 "--%s and --stream: of a blob that is not in memory the header alone is written", option);

    // The first file is made before the blob is read: that it cannot be written is better known then.
    Outputs outputs(arguments.text("output"), {input, arguments.text("state")});
    AtomicFile &header_file = outputs.add(spec.name + ".h");
    const BlobFile blob(input);
    std::optional<MappedFile> state;
    if (arguments.has("state")) {
        state.emplace(arguments.text("state"));
        spec.state = state->text();
        spec.state_tokens = check_state(blob, spec, state->path());
    }
    const std::string header = export_header(blob, spec);
    header_file.write(header.data(), header.size());
    if (spec.stream) {
        outputs.commit();
        return 0;
    }
    if (form != "incbin") {
        AtomicFile &file = outputs.add(spec.name + ".c");
        export_array(blob, spec, [&file](std::string_view text) { file.write(text.data(), text.size()); });
    }
    if (form != "array") {
        outputs.add(spec.name + ".S", export_assembly(blob, spec));
        // The blob beside it is the input itself where that lies there under this name already.
        const std::string copy = spec.name + ".adder";
        std::error_code ignored;
        if (!std::filesystem::equivalent(join_path(arguments.text("output"), copy), input, ignored))
            outputs.add(copy).write(model_of(blob.model())->blob, static_cast<size_t>(blob.info().blob_bytes));
        if (state) outputs.add(spec.name + ".state").write(state->data(), state->size());
    }
    outputs.add(spec.name + ".ld", export_linker_script(blob, spec));
    outputs.commit();
    return 0;
}

}  // namespace

Command export_c_command() {
    return {
        "export-c",
        "{FILE.adder | FILE.adderc} -o DIR",
        "Write a blob or a constraint as C source, for a program that carries it",
        "Writes NAME.h, with the sizes of blob, arena and state as constants; NAME.c, the blob as an array; "
        "NAME.S and\n"
        "NAME.adder, the same for assemblers that have .incbin; and NAME.ld, for a linker script that puts "
        "the blob into a\n"
        "memory of its own. The arena's constant is right for 32-bit and 64-bit targets. Prints the paths.\n"
        "\nOf a constraint, a file of adder constrain: NAME.h, with its sizes, and NAME.c, the constraint as an array.",
        {"adder export-c adder-13m.adder -o firmware/model",
         "adder export-c adder-13m.adder -o model --name speaker --chunk 1 --form incbin",
         "adder export-c adder-13m.adder -o model --state rules.state --form incbin",
         "adder export-c adder-13m.adder -o model --stream --stream-buffer 16384",
         "adder export-c order.adderc -o firmware/model"},
        {
            {"output", 'o', "DIR", false, "The directory; made if it is not there."},
            {"name", 0, "NAME", false,
             "What files, array and macros are called (default: the file's name, with _ for other characters)."},
            {"chunk", 0, "N", false, "The arena is for chunks of N tokens, 1 to 4096 (default: 16)."},
            {"logit-rows", 0, "N", false, "The arena is for N rows of logits, 1 to the chunk (default: 1)."},
            context_option,
            {"state", 0, "FILE", false,
             "Put a saved state into the program, too: one that `adder run --state-save` has made of this blob, with a prompt "
             "that need not be read again."},
            {"stream", 0, nullptr, false,
             "The blob is read through callbacks (adder_source): write NAME.h alone, with the sizes that this takes."},
            {"stream-buffer", 0, "N", false,
             "With --stream, bytes of the buffer that weights are read into (default: 4096, or more where that is too small)."},
            {"no-text", 0, nullptr, false,
             "With --stream, without tokenizer and texts: for programs that deal in ids."},
            {"form", 0, "FORM", false,
             "array: NAME.c alone; incbin: NAME.S and NAME.adder alone (default: both)."},
        },
        1,
        1,
        run_export_c,
    };
}

}  // namespace adder
