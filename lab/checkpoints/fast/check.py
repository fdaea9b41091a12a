import torch,time,copy,sys,fm
torch.set_num_threads(1)
from comfyui_longtake.models.load import load_bundle
from comfyui_longtake.models import dit as D
D.WIDE=10**9
m=load_bundle().dit.train().requires_grad_(True); m32=copy.deepcopy(m); m=m.bfloat16()
def run(model,f,b,t,h,w,dt):
    torch.manual_seed(0)
    x=torch.randn(b,24,t,h,w); s=torch.rand(b,t); sl=torch.randn(b,11,192)
    rows=torch.arange(b)[:,None].expand(b,t); role=torch.ones(b,t).long(); pos=torch.arange(t).repeat(b,1).float()-2; fps=torch.full((b,),8.)
    tgt=torch.randn(b,24,t,h,w)
    model.zero_grad()
    t0=time.time(); v=f(model,x,s,model.context_of(sl),rows,role,pos,fps); t1=time.time()
    loss=((v.float()-tgt)*s.clamp_min(.05)[:,None,:,None,None]).square().mean(); loss.backward(); t2=time.time()
    return v.detach().float(),{n:p.grad.float().clone() for n,p in model.named_parameters() if p.grad is not None},t1-t0,t2-t1
if 'time' not in sys.argv:
    for (b,t,h,w) in ((2,3,8,12),(3,1,10,10),(1,9,10,16)):
        v0,g0,_,_=run(m32,fm.slow,b,t,h,w,0); v1,g1,_,_=run(m,fm.slow,b,t,h,w,0); v2,g2,_,_=run(m,fm.forward,b,t,h,w,0)
        e=lambda a,b:float((a-b).norm()/b.norm())
        print('v',e(v1,v0),e(v2,v0))
        for n in g0:
            a,c=e(g1[n],g0[n]),e(g2[n],g0[n])
            if c>1.3*a+.02: print(n,a,c)
for (b,t,h,w) in ((128,1,8,12),(24,5,8,12),(8,14,8,12),(4,28,8,12),(3,32,10,16)):
    tok=b*t*(h//2)*(w//2)
    out=[]
    for f in (fm.slow,fm.forward):
        run(m,f,b,t,h,w,0); r=[run(m,f,b,t,h,w,0)[2:] for _ in range(2)]; a,c=min(x[0] for x in r),min(x[1] for x in r)
        out.append(f"{tok/(a+c):.0f} ({a*1e6/tok:.0f}+{c*1e6/tok:.0f} us)")
    print(b,t,h,w,tok,*out,flush=True)
