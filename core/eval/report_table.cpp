#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/eval/report.h"

namespace fgm {
namespace {

using TableJson = nlohmann::ordered_json;

// A column's title and how its cell is written.
struct Column {
  std::string title;
  std::function<std::string(const TableJson& row)> cell;
};

// The value at `pointer` such as "/diversity/layouts"; null where there is none.
TableJson value_at(const TableJson& row, const std::string& pointer) {
  const TableJson::json_pointer place(pointer);
  return row.contains(place) ? row[place] : TableJson();
}

std::string number(const TableJson& value, int digits) {
  if (value.is_null()) return "";
  return value.is_number_integer() ? fmt::format("{}", value.get<int64_t>())
                                   : fmt::format("{:.{}f}", value.get<double>(), digits);
}

Column plain(const std::string& title, const std::string& pointer, int digits = 3) {
  return {title, [=](const TableJson& row) { return number(value_at(row, pointer), digits); }};
}

// "0.523 [0.50, 0.54]"
Column with_interval(const std::string& title, const std::string& pointer, const std::string& interval) {
  return {title, [=](const TableJson& row) {
            const auto bounds = value_at(row, interval);
            const auto value = number(value_at(row, pointer), 3);
            return bounds.is_null() ? value
                                    : fmt::format("{} [{}, {}]", value, number(bounds[0], 2), number(bounds[1], 2));
          }};
}

// "1.820 +- 0.310", in thousandths as they are printed elsewhere
Column kid_column() {
  return {"1000 kid", [](const TableJson& row) {
            const auto value = value_at(row, "/kid"), error = value_at(row, "/kid_error");
            if (value.is_null()) return std::string();
            const auto text = number(1000 * value.get<double>(), 3);
            return error.is_null() ? text : fmt::format("{} +- {}", text, number(1000 * error.get<double>(), 3));
          }};
}

std::vector<Column> columns_of(const TableJson& report) {
  const auto& model = report["models"].front();
  std::vector<Column> columns = {plain("steps", "/steps"), plain("evaluations", "/evaluations"),
                                 plain("ms_per_image", "/ms_per_image")};
  const bool is_judged = model.contains("overall");
  if (is_judged) {
    columns.push_back(with_interval("overall", "/overall", "/overall_interval"));
    for (const auto& [name, value] : model["categories"].items()) {
      columns.push_back(with_interval(name, "/categories/" + name, "/category_intervals/" + name));
    }
  }
  columns.push_back(plain(report["distance"], "/frechet", 4));
  columns.push_back(kid_column());
  const auto opponent = report["opponent"].get<std::string>();
  if (is_judged) {
    columns.push_back(plain("layouts", "/diversity/layouts", 2));
    columns.push_back(
        with_interval("layouts / " + opponent, "/diversity/layouts_ratio", "/diversity/layouts_ratio_interval"));
  }
  columns.push_back(plain("spread / " + opponent, "/diversity/spread_ratio"));
  if (is_judged) columns.push_back(plain("undecided", "/undecided"));
  return columns;
}

std::string row_of(const std::vector<std::string>& cells) {
  return fmt::format("| {} |\n", fmt::join(cells, " | "));
}

std::string row_of(const std::string& name, const std::vector<Column>& columns, const TableJson& values) {
  std::vector<std::string> cells{name};
  for (const auto& column : columns) cells.push_back(column.cell(values));
  return row_of(cells);
}

}  // namespace

std::string markdown_table(const nlohmann::ordered_json& report) {
  const auto columns = columns_of(report);
  std::vector<std::string> titles{"model"};
  for (const auto& column : columns) titles.push_back(column.title);
  auto table = row_of(titles) + row_of(std::vector<std::string>(titles.size(), "---"));
  for (const auto& [name, model] : report["models"].items()) table += row_of(name, columns, model);
  if (report.contains("floor")) {
    const auto& floor = report["floor"];
    table += row_of(
        fmt::format("floor: {} real images against {} others", number(floor["images"], 0), number(floor["against"], 0)),
        columns, floor);
  }
  for (const auto& note : report["notes"]) table += fmt::format("\n{}\n", note.get<std::string>());
  return table;
}

}  // namespace fgm
