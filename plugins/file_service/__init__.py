"""The File Service in Airflow's API server, and the page that uploads by it."""
