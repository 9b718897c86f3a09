// SPDX-License-Identifier: MIT
// The page of a report, around its data: {{title}}, {{graph}} and {{data}} are put in.
#pragma once
#include <string_view>

namespace troupe::detail {

inline constexpr std::string_view report_page = R"page(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{title}}</title>
<style>
:root{--bg:#fbfbfd;--fg:#1d2530;--soft:#5d6878;--line:#d9dee6;--card:#fff;--work:#4878b0;--queue:#d9a441;--res:#8c6bb1;--away:#4f9d8b;--bad:#c0392b;--head:#f1f4f8}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){--bg:#14181e;--fg:#e4e8ee;--soft:#98a3b3;--line:#2d3540;--card:#1b2129;--work:#6f9fd8;--queue:#d9b25f;--res:#a98bd0;--away:#6fbfae;--bad:#e57368;--head:#222a34}}
:root[data-theme=dark]{--bg:#14181e;--fg:#e4e8ee;--soft:#98a3b3;--line:#2d3540;--card:#1b2129;--work:#6f9fd8;--queue:#d9b25f;--res:#a98bd0;--away:#6fbfae;--bad:#e57368;--head:#222a34}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:14px/1.5 system-ui,sans-serif}
main{max-width:1180px;margin:0 auto;padding:24px}h1{font-size:22px;margin:0 0 4px}h2{font-size:16px;margin:32px 0 8px}
p{color:var(--soft);margin:4px 0 12px}.cards{display:flex;flex-wrap:wrap;gap:12px;margin-top:16px}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 16px;min-width:130px}
.card b{display:block;font-size:19px;font-weight:600}.card span{color:var(--soft);font-size:12px}.bad b,.badtext{color:var(--bad)}
table{border-collapse:collapse;width:100%;background:var(--card);border:1px solid var(--line);border-radius:8px}
th,td{padding:5px 10px;text-align:right;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums;white-space:nowrap}
th{background:var(--head);cursor:pointer;font-weight:600}th:first-child,td:first-child{text-align:left;white-space:normal;word-break:break-word}
tr:last-child td{border-bottom:0}.box{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px;overflow:auto}
.graph{background:#fff;max-height:70vh}.graph svg{display:block}canvas{display:block;width:100%;cursor:grab}
.bar{display:flex;height:26px;border-radius:6px;overflow:hidden;border:1px solid var(--line)}.bar i{display:block;min-width:1px}
.key{display:flex;gap:16px;color:var(--soft);font-size:12px;margin:6px 0 12px}.key i{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:5px;vertical-align:-1px}
pre{white-space:pre-wrap;margin:0;font:12.5px/1.5 ui-monospace,monospace}#tip{position:fixed;display:none;background:var(--fg);color:var(--bg);padding:5px 9px;border-radius:5px;font-size:12px;pointer-events:none;max-width:420px;z-index:9}
button{float:right;background:var(--card);color:var(--fg);border:1px solid var(--line);border-radius:6px;padding:4px 10px;cursor:pointer}
</style></head><body><main>
<button id="theme" title="light or dark">&#9681;</button>
<h1>{{title}}</h1><p id="result"></p><div class="cards" id="cards"></div>
<h2>Critical path</h2><p>The chain of tasks and waits that the length of the run is due to, from its end backwards: each waited last for the one before it.</p>
<div class="bar" id="path"></div><div class="key" id="pathkey"></div><div class="box" style="padding:0"><table id="pathtable"></table></div>
<h2>Timeline</h2><p>A lane for each thread. Turn the wheel to zoom, drag to move, double-click to see all.</p><div class="box" style="padding:6px"><canvas id="time"></canvas></div>
<h2>Time per task name</h2><p>Busy: on a thread. Waited: from the submit until it began. Parked: while its body waited. A click on a head sorts.</p><div class="box" style="padding:0"><table id="names"></table></div>
<h2>Graph</h2><p>Solid: an argument. Dashed: a body has waited for the value. Dotted: spawned. Red: the critical path.</p><div class="box graph">{{graph}}</div>
<div id="fails"></div>
</main><div id="tip"></div>
<script id="data" type="application/json">{{data}}</script>
<script>
"use strict";
const D=JSON.parse(document.getElementById("data").textContent),T=D.tasks,N=T.name.length,$=i=>document.getElementById(i);
const root=document.documentElement;$("theme").onclick=()=>{const dark=getComputedStyle(root).getPropertyValue("--bg").trim()==="#14181e";root.dataset.theme=dark?"light":"dark";draw()};
const ms=n=>n<0?"":n>=1e9?(n/1e9).toPrecision(4)+" s":n>=1e6?(n/1e6).toPrecision(4)+" ms":n>=1e3?(n/1e3).toPrecision(3)+" us":n+" ns";
const el=(t,s,c)=>{const e=document.createElement(t);if(s!==undefined)e.textContent=s;if(c)e.className=c;return e};
const hue=n=>{let h=7;for(const c of D.names[n])h=(h*31+c.charCodeAt(0))>>>0;return h%360};
const colour=n=>"hsl("+hue(n)+" 48% "+(getComputedStyle(root).getPropertyValue("--bg").trim()==="#14181e"?58:52)+"%)";
let failed=0,open=0,busy=0;for(let i=0;i<N;i++){if(T.outcome[i]>0)failed++;if(T.settled[i]<0)open++;busy+=T.busy[i]}
const whole=N+D.left_out,workers=Math.max(1,D.lanes.filter(l=>/(^|: )worker/.test(l)).length);
$("result").textContent=(failed===0&&open===0?"All "+whole+" tasks have a value.":(whole-failed-open)+" tasks have a value, "+failed+" failed"+(open?", "+open+" have not settled":"")+".")+(D.left_out?" Of "+D.left_out+" more than a million nothing else is shown.":"")+(D.lost?" "+D.lost+" events were lost: there was no room for them.":"");
const card=(v,k,bad)=>{const c=el("div","","card"+(bad?" bad":""));c.append(el("b",v),el("span",k));$("cards").append(c)};
card(ms(D.ended),"from the first submit to the end");card(whole.toLocaleString("en"),"tasks");card(String(failed),"failed",failed>0);card(String(workers),"workers");card((100*busy/(D.ended||1)/workers).toFixed(0)+" %","of the workers' time busy");
const kinds=["works","queued","waits for resources","the program","on another node"],kc=["--work","--queue","--res","--line","--away"];
const pt=[0,0,0,0,0],by=new Map;let plen=0;for(const[k,t,b,e]of D.path){pt[k]+=e-b;plen+=e-b;const n=T.name[t];if(!by.has(n))by.set(n,[0,0,0,0,0,0]);const r=by.get(n);r[k]+=e-b;if(k===0||k===4)r[5]++}
card(plen?(100*pt[0]/plen).toFixed(0)+" %":"-","of the critical path is work");
if(D.path.length<=2000)for(const[k,t,b,e]of D.path){const i=el("i");i.style.flex=String(Math.max(e-b,1));i.style.background=k===0?colour(T.name[t]):"var("+kc[k]+")";i.dataset.tip=D.names[T.name[t]]+" "+kinds[k]+" "+ms(e-b);$("path").append(i)}
else for(let k=0;k<5;k++){const i=el("i");i.style.flex=String(pt[k]);i.style.background="var("+kc[k]+")";$("path").append(i)}
for(let k=0;k<5;k++)if(pt[k]){const s=el("span"),i=el("i");i.style.background="var("+kc[k]+")";s.append(i,kinds[k]+" "+ms(pt[k]));$("pathkey").append(s)}
function table(id,heads,rows,sorted){const t=$(id);let by=sorted,down=true;const show=()=>{t.textContent="";const h=el("tr");heads.forEach((n,i)=>{const c=el("th",n+(i===by?(down?" \u25be":" \u25b4"):""));c.onclick=()=>{down=i===by?!down:true;by=i;show()};h.append(c)});t.append(h);rows.sort((a,b)=>(down?-1:1)*(typeof a[by]==="string"?-a[by].localeCompare(b[by]):a[by]-b[by]));
for(const r of rows.slice(0,200)){const tr=el("tr");r.forEach((v,i)=>{const c=el("td",i===0?v:heads[i]==="tasks"||heads[i]==="failed"||heads[i]==="steps"?v.toLocaleString("en"):ms(Math.round(v)));if(heads[i]==="failed"&&v>0)c.className="badtext";tr.append(c)});t.append(tr)}};show()}
table("pathtable",["name","steps","works","queued","waits for resources","on another node"],[...by].map(([n,r])=>[D.names[n],r[5],r[0],r[1],r[2],r[4]]),2);
const per=D.names.map(n=>[n,0,0,0,0,0,0,0]);for(let i=0;i<N;i++){const r=per[T.name[i]];r[1]++;if(T.outcome[i]>0)r[2]++;r[3]+=T.busy[i];r[5]=Math.max(r[5],T.busy[i]);if(T.begun[i]>=0)r[6]+=T.begun[i]-T.submitted[i];r[7]+=T.parked[i]}
for(const r of per){r[4]=r[3]/(r[1]||1);r[6]/=r[1]||1;r[7]/=r[1]||1}
table("names",["name","tasks","failed","busy","busy each","busy at most","waited each","parked each"],per.filter(r=>r[1]),3);
const S=D.slices,used=[...new Set(S.lane)].sort((a,b)=>a-b),depth=new Map(used.map(l=>[l,1]));for(let i=0;i<S.lane.length;i++)if(S.depth[i]+1>depth.get(S.lane[i]))depth.set(S.lane[i],Math.min(S.depth[i]+1,6));
const cv=$("time"),g=cv.getContext("2d");let t0=0,t1=D.ended||1,rows=[];
function draw(){const css=n=>getComputedStyle(root).getPropertyValue(n).trim(),w=cv.clientWidth,r=window.devicePixelRatio||1,row=16;let h=22;rows=[];const y=new Map;for(const l of used){y.set(l,h);h+=18+depth.get(l)*row}
cv.style.height=h+"px";cv.width=w*r;cv.height=h*r;g.setTransform(r,0,0,r,0,0);g.clearRect(0,0,w,h);g.font="11px system-ui,sans-serif";g.textBaseline="middle";const x=t=>(t-t0)/(t1-t0)*w;
g.fillStyle=css("--soft");g.strokeStyle=css("--line");const step=Math.pow(10,Math.floor(Math.log10((t1-t0)/4))),s2=(t1-t0)/step>12?step*5:(t1-t0)/step>6?step*2:step;
for(let t=Math.ceil(t0/s2)*s2;t<t1;t+=s2){g.beginPath();g.moveTo(x(t),18);g.lineTo(x(t),h);g.stroke();g.fillText(ms(Math.round(t)),x(t)+3,9)}
for(const l of used){g.fillStyle=css("--soft");g.fillText(D.lanes[l]||"thread "+l,4,y.get(l)+8)}
const cols=D.names.map((_,i)=>colour(i)),last=new Map;
for(let i=0;i<S.lane.length;i++){const b=S.begin[i],e=S.end[i];if(e<t0||b>t1)continue;const xb=Math.max(0,x(b)),xe=Math.min(w,x(e)),d=Math.min(S.depth[i],5),yy=y.get(S.lane[i])+17+d*row,key=S.lane[i]*8+d;
const wide=Math.max(xe-xb,0.6);if(wide<1&&last.get(key)>=Math.floor(xb*2)){continue}last.set(key,Math.floor(xe*2));
g.fillStyle=cols[T.name[S.task[i]]];g.fillRect(xb,yy,wide,row-2);if(wide>40){g.save();g.beginPath();g.rect(xb,yy,wide-3,row);g.clip();g.fillStyle="#fff";g.fillText(D.names[T.name[S.task[i]]],xb+4,yy+7);g.restore()}rows.push([xb,yy,wide,i])}}
draw();addEventListener("resize",draw);
cv.addEventListener("wheel",e=>{e.preventDefault();const f=e.offsetX/cv.clientWidth,at=t0+(t1-t0)*f,z=Math.pow(1.002,e.deltaY),len=Math.min((t1-t0)*z,D.ended||1);if(len<100)return;t0=Math.max(0,at-len*f);t1=t0+len;draw()},{passive:false});
let drag=null;cv.onmousedown=e=>{drag=[e.clientX,t0,t1]};addEventListener("mouseup",()=>{drag=null});cv.ondblclick=()=>{t0=0;t1=D.ended||1;draw()};
const tip=$("tip"),say=(e,s)=>{tip.style.display=s?"block":"none";tip.textContent=s;tip.style.left=Math.min(e.clientX+12,innerWidth-300)+"px";tip.style.top=e.clientY+14+"px"};
cv.onmousemove=e=>{if(drag){const dt=(drag[0]-e.clientX)/cv.clientWidth*(drag[2]-drag[1]);t0=drag[1]+dt;t1=drag[2]+dt;draw();return}
for(let k=rows.length-1;k>=0;k--){const[xb,yy,w,i]=rows[k];if(e.offsetX>=xb-1&&e.offsetX<=xb+w+1&&e.offsetY>=yy&&e.offsetY<yy+14){const t=S.task[i];say(e,D.names[T.name[t]]+": "+ms(S.end[i]-S.begin[i])+" here; busy "+ms(T.busy[t])+", waited "+ms(T.begun[t]-T.submitted[t])+(T.parked[t]?", parked "+ms(T.parked[t]):""));return}}say(e,"")};
cv.onmouseleave=e=>say(e,"");$("path").onmousemove=e=>say(e,e.target.dataset.tip||"");$("path").onmouseleave=e=>say(e,"");
if(D.failures.length){const f=$("fails");f.append(el("h2","Failures"));f.append(el("p","Each with its whole story"+(failed>D.failures.length?"; the first "+D.failures.length+" of "+failed:"")+"."));for(const[t,s]of D.failures.slice(0,200)){const b=el("div","","box");b.style.marginBottom="8px";b.append(el("b",D.names[T.name[t]],"badtext"),el("pre",s));f.append(b)}}
</script></body></html>
)page";

}  // namespace troupe::detail
