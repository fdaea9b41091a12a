# strip.py OUT CFG SEED WEIGHTS... : prompts in rows, frames in columns
import sys,torch,time
from safetensors.torch import load_file
from comfyui_longtake.models.load import load_bundle
from comfyui_longtake.lab.training import dit as DD
from comfyui_longtake.lab.training.run import save_strip
torch.set_num_threads(int(__import__('os').environ.get('OMP_NUM_THREADS','2')))
out,cfg,seed=sys.argv[1],float(sys.argv[2]),int(sys.argv[3]); b=load_bundle(); m=b.dit
if sys.argv[4]!='box':
    sd=dict(m.state_dict())
    for f in sys.argv[4].split(','): sd|={k:v.float() for k,v in load_file(f).items()}
    m.load_state_dict(sd)
if __import__("os").environ.get("DEC"): b.vae.decoder.load_state_dict(load_file(__import__("os").environ["DEC"]))
P=open(sys.argv[5]).read().splitlines() if len(sys.argv)>5 else ["a woolly mammoth walks through snow at sunset","a white rabbit jumps in a green meadow at noon","a black cat runs through the forest at dawn, rain","a red robot dances in the city at night, neon lights","a brown horse runs along the beach, the camera follows","a spaceman with a red knitted helmet walks in the desert","a yellow car drives through the city at noon","a brown dog walks to the right in a snowfield, static camera"]
st=[r.text for r in b.recaption(["",*P])] ; st[0]=""
m=m.bfloat16().eval()
rows=[]
t=time.time()
for i in range(0,len(P),4):
    part=st[1+i:1+i+4]
    with torch.no_grad(), torch.autocast('cpu',torch.bfloat16):
        ctx=m.context(*(x.bfloat16() if x.is_floating_point() else x for x in b.text(["",*part])))
        z=DD.sample(m,ctx,(len(part),24,31,10,16),steps=16,cfg=cfg,seed=seed+i)
        x=b.vae.decode(z.float())
    rows+= [c[::5].float() for c in x]
print(time.time()-t)
save_strip(__import__('pathlib').Path(out),rows)
