#!/usr/bin/env python3
# Writes the tables of docs/results/recurrent-models.md anew, from the folder of a study of several models.
# SPDX-License-Identifier: MIT
#
#     scripts/study_tables.py FOLDER docs/results/recurrent-models.md MODEL=TITLE...
#
# A TITLE is what the tables call a model. FOLDER is what `adder study A B C --out FOLDER` made. In the page each table stands between <!-- table: NAME --> and
# <!-- end -->; what is around them stays. Rows that the study has not computed are left out.
import argparse
import json
import pathlib
import re


def cell(value, error, digits, sign=False):
    if abs(value) >= 1e4:
        return f"{value:+.1g}" if sign else f"{value:.1g}"
    return f"{value:{'+' if sign else ''}.{digits}f} ±{error:.{digits}f}"


def change(text):
    return cell(text["change_percent"], text["change_percent_se"], 2, True)


def kl(text, digits=5):
    return cell(text["kl_mean"], text["kl_mean_se"], digits)


def texts(row, form):
    if row is None or "impossible" in row:
        return "-"
    return " / ".join(form(text) for text in row["texts"])


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in rows])


class Model:
    def __init__(self, path, name):
        study = json.loads(path.read_text())
        self.settings, self.rows = study["settings"], study["rows"]
        self.name = name

    def of(self, experiment):
        return [row for row in self.rows if row["experiment"] == experiment]

    def series(self, experiment):
        return list(dict.fromkeys(row["series"] for row in self.of(experiment)))

    def find(self, experiment, series, at):
        for row in self.of(experiment):
            if row["series"] == series and row["at"] == at:
                return row
        return None


def of_tasks(models):
    header, rows = None, []
    for model in models:
        for i, row in enumerate(row for row in model.of("tasks") if "impossible" not in row):
            header = ["model", "recipe"] + [task["name"] for task in model.settings["tasks"]] + \
                ["mean", "change, points"]
            for which in ["float_score", "score"] if i == 0 else ["score"]:
                scores = row["scores"]
                n = len(scores)
                error = sum((100 * s["change_se"]) ** 2 for s in scores) ** 0.5 / n
                rows.append([model.name, "float" if which == "float_score" else f"{row['at']} {row['series']}"] +
                            [cell(100 * s[which], 100 * s[which + "_se"], 0) for s in scores] +
                            [f"{sum(100 * s[which] for s in scores) / n:.1f}"] +
                            ["" if which == "float_score" else
                             cell(sum(100 * s["change"] for s in scores) / n, error, 1, True)])
    return table(header, rows)


def of_inputs(models):
    rows = []
    for model in models:
        for row in model.of("inputs"):
            found = row["found"]
            owners = ", ".join(f"`{o['token'].strip() or o['token']}` {o['channels']}" for o in found["owners"][:3])
            share = [f"{100 * n / found['channels']:.2f}" for n in found["outliers"]]
            most = f"{found['persistent_layers']} of {found['layers']}" if found["persistent_layers"] else "-"
            rows.append([model.name, row["series"], str(found["channels"])] + share +
                        [f"{found['highest_over_median']:.1f}, {found['at'].replace('layers.', '')}", most,
                         owners or "-"])
    return table(["model", "input of", "channels", "> 4 sigma, %", "> 6", "> 8", "largest / median, where",
                  "one channel in", "tokens that own most"], rows)


def of_zeroing(models):
    rows = []
    for model in models:
        for sigma in ["4", "6", "8"]:
            row = model.find("outliers", "all", sigma)
            if row is None or row["channels"] == 0:
                continue
            rows.append([model.name, sigma, str(row["channels"]), texts(row, change),
                         texts(model.find("outliers", "all, random", sigma), change)])
    return table(["model", "sigma", "channels", "without them, %", "without as many random ones, %"], rows)


def of_zeroing_by_input(models):
    rows = []
    for model in models:
        for series in model.series("outliers"):
            row = model.find("outliers", series, "4")
            if "random" in series or series == "all" or row is None or row["channels"] == 0:
                continue
            rows.append([model.name, series, str(row["channels"]), texts(row, change),
                         texts(model.find("outliers", series + ", random", "4"), change)])
    return table(["model", "input of", "channels > 4 sigma", "without them, %", "random ones, %"], rows)


def of_alpha(models):
    alphas = ["0", "0.25", "0.5", "0.7", "0.75", "1"]
    rows = []
    for model in models:
        for series in model.series("alpha"):
            found = [model.find("alpha", series, alpha) for alpha in alphas]
            if sum(row is not None for row in found) < 2 or \
                    max(text["kl_mean"] for text in found[0]["texts"]) < 0.0005:
                continue
            rows.append([model.name, series] + [texts(row, lambda text: f"{text['kl_mean']:.4f}") for row in found] +
                        [texts(found[0], lambda text: f"{text['kl_mean_se']:.4f}")])
    return table(["model", "input of", "none"] + alphas[1:] + ["error of none"], rows)


def of_granularity(models):
    order = dict.fromkeys((row["series"], row["at"]) for model in models for row in model.of("granularity"))
    rows = [[series, at] + [texts(model.find("granularity", series, at), change) for model in models]
            for series, at in order]
    return table(["weights", "scales for"] + [model.name for model in models], rows)


def of_granularity_kl(models):
    order = dict.fromkeys((row["series"], row["at"]) for model in models for row in model.of("granularity"))
    rows = [[series, at] + [texts(model.find("granularity", series, at), kl) for model in models]
            for series, at in order]
    return table(["weights, KL", "scales for"] + [model.name for model in models], rows)


def of_states(models):
    def millionths(part):
        return f"{1e6 * part['kl_mean']:.3g}"

    rows = []
    for model in models:
        for row in model.of("state"):
            if row["at"] == "float32":
                continue
            middle = [text["positions"][len(text["positions"]) // 2 - 1] for text in row["texts"]]
            last = [text["positions"][-1] for text in row["texts"]]
            rows.append([model.name, row["series"], row["at"],
                         texts(row, lambda text: f"{1e6 * text['kl_mean']:.3g} ±{1e6 * text['kl_mean_se']:.2g}"),
                         " / ".join(map(millionths, middle)), " / ".join(map(millionths, last)), texts(row, change)])
    return table(["model", "state", "type", "KL, millionths", "KL in the 4th eighth", "in the last",
                  "change of perplexity, %"], rows)


def of_tensors(models):
    series = ["int8 weights", "int4 weights", "int8 input", "all but its weights", "all but its input"]
    rows = []
    for model in models:
        for at in dict.fromkeys(row["at"] for row in model.of("tensors")):
            found = [model.find("tensors", one, at) for one in series]
            rows.append([model.name, at] +
                        ["" if row is None else "-" if "impossible" in row else kl(row["texts"][0]) for row in found])
    return table(["model, KL on books", "tensor"] + series, rows)


TABLES = {"tasks": of_tasks, "inputs": of_inputs, "zeroing": of_zeroing, "zeroing by input": of_zeroing_by_input,
          "alpha": of_alpha, "granularity": of_granularity, "granularity, KL": of_granularity_kl,
          "states": of_states, "tensors": of_tensors}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    models = []
    for model in arguments.models:
        checkpoint, title = model.split("=")
        models.append(Model(arguments.folder / checkpoint / "study.json", title))

    def written(match):
        return f"<!-- table: {match[1]} -->\n\n{TABLES[match[1]](models)}\n\n<!-- end -->"

    page = arguments.page.read_text()
    arguments.page.write_text(re.sub(r"<!-- table: (.*?) -->.*?<!-- end -->", written, page, flags=re.S))


main()
