// The entry in Airflow's navigation: a component of its UI that draws nothing and goes to the page.

globalThis.AirflowPlugin = function Cutroom() {
  location.replace(new URL("../", import.meta.url));
  return null;
};
