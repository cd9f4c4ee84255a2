// What Google would mind in a page's structured data, as JSON: node data.mjs <file>
import { readFileSync } from "node:fs";
import Validator from "@adobe/structured-data-validator";
import WebAutoExtractor from "@marbec/web-auto-extractor";

const extractor = new WebAutoExtractor({ addLocation: true, embedSource: ["rdfa", "microdata"] });
const found = extractor.parse(readFileSync(process.argv[2], "utf8"));
process.stdout.write(JSON.stringify(await new Validator().validate(found)));
