/** The dashboard of a namespace's models in Grafana's format. In a separate file because its library is slow to load. */
import {
  LegendDisplayMode,
  LegendPlacement,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { digestOf } from "@modelcar/kubernetes/digest";
import { modelsOf, type Panel, rowsOf, titleOf } from "./panels.ts";

const source = { type: "prometheus", uid: "$datasource" };

/** A dashboard whose reader picks the Prometheus and the model. */
export function grafanaDashboard(namespace: string) {
  const models = new QueryVariableBuilder("model")
    .label("Model")
    .datasource(source)
    .query(modelsOf(namespace))
    .refresh(VariableRefresh.OnTimeRangeChanged);
  const dashboard = new DashboardBuilder(titleOf(namespace))
    // At most 40 characters; stable for a namespace, so that links keep working.
    .uid(`models-${digestOf(namespace).slice(0, 32)}`)
    .tags(["vllm"])
    .time({ from: "now-3h", to: "now" })
    .refresh("30s")
    .withVariable(new DatasourceVariableBuilder("datasource").label("Prometheus").type("prometheus"))
    .withVariable(models);
  for (const [above, { title, panels }] of rowsOf(namespace).entries()) {
    dashboard.withRow(new RowBuilder(title).id(rowId(above)));
    for (const [index, panel] of panels.entries()) {
      dashboard.withPanel(grafanaPanel(panel, 24 / panels.length).id(rowId(above) + index + 1));
    }
  }
  return dashboard.build();
}

function grafanaPanel({ title, description, unit, series }: Panel, width: number): PanelBuilder {
  const legend = new VizLegendOptionsBuilder().showLegend(true).displayMode(LegendDisplayMode.List);
  const panel = new PanelBuilder()
    .title(title)
    .description(description)
    .datasource(source)
    .unit(unit)
    .min(0)
    .legend(legend.placement(LegendPlacement.Bottom))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .span(width)
    .height(8);
  for (const [index, { expr, legend }] of series.entries()) {
    const query = new DataqueryBuilder().datasource(source).expr(expr).legendFormat(legend).range();
    panel.withTarget(query.refId(String.fromCharCode("A".charCodeAt(0) + index)));
  }
  return panel;
}

/** The ids of a row's panels follow its own. */
const rowId = (above: number): number => 10 * (above + 1);
