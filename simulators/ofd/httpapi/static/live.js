// Shows new exchanges on top of the table of traffic. Without it the page is
// what it was when it was loaded.
"use strict";
(function () {
  var table = document.getElementById("traffic");
  if (!table || !window.EventSource) { return; }
  var device = table.dataset.device, shown = 200;
  var source = new EventSource("/api/events?after=" + table.dataset.after);
  function row(cells, seq) {
    var tr = document.createElement("tr");
    cells.forEach(function (text, i) {
      var td = document.createElement("td");
      if (i === 0) {
        var a = document.createElement("a");
        a.href = "/traffic/" + seq + "?lang=" + table.dataset.lang;
        a.textContent = text;
        td.appendChild(a);
      } else { td.textContent = text; }
      tr.appendChild(td);
    });
    table.insertBefore(tr, table.firstChild);
    while (table.rows.length > shown) { table.deleteRow(-1); }
  }
  source.addEventListener("booked", function (m) {
    var e = JSON.parse(m.data), b = e.body;
    if (device && String(b.device) !== device) { return; }
    row([e.time, String(b.device), b.command, b.what, String(b.code), b.sign || ""], e.causes[0]);
    table.dataset.live = String(Number(table.dataset.live || 0) + 1);
  });
}());
