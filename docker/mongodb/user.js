// Runs once, in an empty data folder: Cutroom may read and write its own database and nothing else.
db.getSiblingDB("cutroom").createUser({
  user: "cutroom",
  pwd: process.env.MONGODB_PASSWORD,
  roles: [{ role: "readWrite", db: "cutroom" }],
});
