"use strict";
(function () {
  var doc = document, root = doc.documentElement, text = doc.getElementById("text"), shown = doc.getElementById("shown");
  var rows = Array.prototype.slice.call(doc.querySelectorAll("#rows tr.r")), heads = doc.querySelectorAll("#rows tr.h,#rows tr.s");
  var boxes = doc.querySelectorAll(".pick[type=checkbox]");
  root.classList.add("scripted");
  function filter() {
    var words = text.value.toLowerCase().split(/\s+/).filter(Boolean), off = {}, some = words.length > 0, n = 0, i;
    for (i = 0; i < boxes.length; i++) if (!boxes[i].checked) { off[boxes[i].value] = true; some = true; }
    rows.forEach(function (r) {
      var t = r.textContent.toLowerCase();
      var hit = words.every(function (w) { return t.indexOf(w) >= 0; });
      r.classList.toggle("hide", !hit);
      if (hit && !off[r.getAttribute("data-r")]) n++;
    });
    for (i = 0; i < heads.length; i++) heads[i].classList.toggle("hide", some);
    shown.textContent = n;
  }
  function open() {
    var e = location.hash.length > 1 && doc.getElementById(location.hash.slice(1));
    var d = e && e.querySelector("details");
    if (d) d.open = true;
    if (e) e.scrollIntoView();
  }
  text.addEventListener("input", filter);
  for (var i = 0; i < boxes.length; i++) boxes[i].addEventListener("change", filter);
  doc.getElementById("unfold").addEventListener("click", function () {
    var d = doc.querySelectorAll(".e details"), any = false, i;
    for (i = 0; i < d.length; i++) any = any || !d[i].open;
    for (i = 0; i < d.length; i++) d[i].open = any;
  });
  var lang = (navigator.language || "").slice(0, 2), want = doc.getElementById("l-" + lang);
  if (want) want.checked = true;
  window.addEventListener("hashchange", open);
  filter();
  open();
})();
